/** The compilers give the bytes of the example modules that are committed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../sources.js";

const folder = join(root, "examples/modules/build");

test("the sources give the bytes that are committed", async () => {
  const { buildAll } = await import(new URL("../../scripts/build-modules.mjs", import.meta.url).href);
  const built: Map<string, Uint8Array> = await buildAll();
  expect([...built.keys()].sort()).toEqual(readdirSync(folder).sort());
  const differing = [...built].filter(([name, bytes]) => !readFileSync(join(folder, name)).equals(bytes));
  expect(differing.map(([name]) => name)).toEqual([]);
});
