/** How the tests run: each file in a process of its own, because tests crash, lock and fill disks. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    pool: "forks",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: "v8",
      include: ["index.ts", "{pager,btree,wal,mvcc,engine,temporal,catalog,wasm,models,memory,level,server}/**/*.ts"],
      reporter: ["text"],
    },
  },
});
