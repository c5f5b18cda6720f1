/**
 * The package as it is shipped, and what tests start besides, bundled from the sources, for the tests that start
 * processes and threads from it: a process that loads five files starts in half the time of one that loads three
 * hundred. Guarantees: it is built once for all tests of a run, and again only after a source has changed.
 */
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { root, sourcesIn } from "./sources.js";

declare module "vitest" {
  interface ProvidedContext {
    builtPackage: string;
  }
}

/** Entry points of the package, by their sources. */
export const EXPORTED: readonly string[] = ["index.ts", "memory/index.ts", "level/index.ts", "cli/index.ts"];
/** What tests import or start besides. */
export const INTERNAL: readonly string[] = [
  "pager/file-storage.ts",
  "test/harness/kill/index.ts",
  "test/harness/kill/job.ts",
  "test/harness/kill/started-process.ts",
  "test/fuzz/fuzz-run.ts",
  "test/sharing/toy-process.ts",
];
/** How long a build is kept after a newer one was made: longer than a run takes. */
const KEPT_MS = 24 * 60 * 60 * 1000;

/** Builds it; vitest calls this once before the tests that start processes. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("builtPackage", await build());
}

/** The folder of the package. */
async function build(): Promise<string> {
  const cache = join(root, "node_modules/.cache/llmdb-tests");
  const hash = createHash("sha256");
  const sources = sourcesIn(".", /(?<!\.test)\.ts$|^package\.json$|^(bundle|mcp-shims)\.mjs$/);
  for (const { path, text } of sources) hash.update(`${path}\n${text}\n`);
  const folder = join(cache, `package-${hash.digest("hex").slice(0, 24)}`);
  if (existsSync(folder)) return folder;
  removeOld(cache);
  const unfinished = `${folder}-${process.pid}`;
  mkdirSync(unfinished, { recursive: true });
  try {
    const { bundle } = await import(new URL("../scripts/bundle.mjs", import.meta.url).href);
    await bundle(join(unfinished, "dist"), INTERNAL);
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
