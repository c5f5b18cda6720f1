/**
 * The package and what tests start, bundled from the sources, for the tests that start processes and threads from it:
 * a process that loads five files starts in a third of the time of one that loads three hundred. Guarantees: it is
 * built once for all tests of a run, and again only after a source has changed; files keep their places, so that what
 * a module finds relative to itself is there.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import type { TestProject } from "vitest/node";
import { root, sourcesIn } from "./sources.js";

declare module "vitest" {
  interface ProvidedContext {
    builtPackage: string;
  }
}

/** What is started, or imported by its own name. */
export const ENTRIES: readonly string[] = [
  "index.ts",
  "memory/index.ts",
  "level/index.ts",
  "cli/index.ts",
  "cli/formats/software-support.ts",
  "pager/file-storage.ts",
  "wasm/page-worker.ts",
  "test/harness/kill/index.ts",
  "test/harness/kill/job.ts",
  "test/harness/kill/started-process.ts",
  "test/harness/kill/kill-process.ts",
  "test/harness/kill/ledger-worker.ts",
  "test/harness/torture/torture-worker.ts",
  "test/fuzz/fuzz-run.ts",
  "test/fuzz/fuzz-process.ts",
  "test/fuzz/system-life.ts",
  "test/sharing/toy-process.ts",
];
/** These begin when they are loaded, so they are in no chunk that others load. */
const STARTS = /^(cli\/index|.*-(worker|process|life))\.ts$/;
/**
 * One chunk each: the core, and the folders above it that are loaded as a whole. The MCP server is not, because its SDK
 * takes as long to load as all the rest.
 */
const CHUNKS: readonly [name: string, files: RegExp][] = [
  ["core", /^(index\.ts$|(pager|btree|wal|mvcc|engine|temporal|catalog|wasm)\/)|^node_modules\/@msgpack\//],
  ["memory/joined", /^(models|memory)\//],
  ["server/sharing/joined", /^server\/sharing\//],
];

/** How long a build is kept after a newer one was made: longer than a run takes. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** Builds it; vitest calls this once before the tests that start processes. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("builtPackage", await build());
}

async function build(): Promise<string> {
  const cache = join(root, "node_modules/.cache/llmdb-tests");
  const hash = createHash("sha256");
  for (const { path, text } of sourcesIn(".", /(?<!\.test)\.ts$|^package\.json$/)) hash.update(`${path}\n${text}\n`);
  const folder = join(cache, `package-${hash.digest("hex").slice(0, 24)}`);
  if (existsSync(folder)) return folder;
  removeOld(cache);
  const unfinished = `${folder}-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    await bundle(unfinished);
    cpSync(join(root, "package.json"), join(unfinished, "package.json"));
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return folder;
}

/** Removes those that no run can be using any more. */
function removeOld(cache: string): void {
  const names = existsSync(cache) ? readdirSync(cache).filter((name) => name.startsWith("package-")) : [];
  for (const place of names.map((name) => join(cache, name))) {
    if (statSync(place).mtimeMs < Date.now() - KEPT_MS) rmSync(place, { recursive: true, force: true });
  }
}

async function bundle(folder: string): Promise<void> {
  const { rolldown } = await import("rolldown");
  const nameOf = (id: string): string => relative(root, id).split(sep).join("/");
  const built = await rolldown({
    input: Object.fromEntries(ENTRIES.map((path) => [path.replace(/\.ts$/, ""), join(root, path)])),
    platform: "node",
    external: (id) => !/^[./]/.test(id) && !isAbsolute(id) && !id.startsWith("@msgpack/"),
    resolve: { mainFields: ["module", "main"], extensionAlias: { ".js": [".ts", ".js"] } },
    preserveEntrySignatures: "allow-extension",
  });
  const groups = CHUNKS.map(([name, files]) => ({
    name,
    test: (id: string) => files.test(nameOf(id)) && !STARTS.test(nameOf(id)),
  }));
  await built.write({
    dir: folder,
    format: "esm",
    entryFileNames: "[name].js",
    // A chunk is where the modules in it are: they find other files relative to themselves.
    chunkFileNames: ({ name, moduleIds }) => {
      const [first] = moduleIds.filter((id) => isAbsolute(id)).map(nameOf);
      return name.includes("/") || name === "core" || first === undefined
        ? "[name].js"
        : `${dirname(first)}/[name]-chunk.js`;
    },
    codeSplitting: { groups },
    minify: false,
  });
  await built.close();
}
