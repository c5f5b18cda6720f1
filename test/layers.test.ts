/**
 * The parts of the database rest on each other in one direction: a folder imports only from itself and from the folders
 * above it in `layers`, and no file imports itself, however long the way. Only the storage port reaches the operating
 * system, the clock and chance.
 */
import { existsSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix } from "node:path";
import { expect, test } from "vitest";
import { circlesIn } from "./circles.js";
import { root, type Source, sourcesIn } from "./sources.js";
import { clockAndChanceOf, globalTimersOf, importsOf } from "./syntax.js";

/** From the ground up. Folders on one line do not know each other. Only the command uses the root, `index.ts`. */
const layers: readonly (readonly string[])[] = [
  ["pager"],
  ["btree"],
  ["wal"],
  ["mvcc"],
  ["engine"],
  ["temporal"],
  ["catalog"],
  ["wasm"],
  ["models"],
  ["lql"],
  ["memory"],
  ["level", "server"],
  ["index.ts"],
  ["cli"],
];

/** The modules of Node that compute and reach nothing outside the process: any folder may use them. */
const pureModules = new Set([
  "assert",
  "buffer",
  "events",
  "module",
  "path",
  "string_decoder",
  "url",
  "util",
  "vm",
  "worker_threads",
  "zlib",
]);

/** The modules that tell the time or draw random numbers, and the files of the storage port that may. */
const clockModules = new Set(["crypto", "perf_hooks"]);
const mayReadClock = /^pager\/(digest|file-storage|lock-socket|memory-storage|timers)\.ts$/;

/** The file that has the timers of the process, as they were when it was loaded. */
const mayTakeTimers = "pager/timers.ts";

/** The files of the storage port that may use the rest of Node; servers and the command may too. */
const mayReachSystem = /^pager\/(file-[^/]*|lock[^/]*)\.ts$|^(server|cli)\//;

/** The part of the harness that is shipped: `llmdb torture` runs it. */
const shippedHarness = /^test\/harness\//;

const heightOf = new Map(layers.flatMap((folders, height) => folders.map((folder) => [folder, height] as const)));

function topOf(path: string): string {
  return path.split("/")[0];
}

/** What is wrong with the imports of a file, one line each. */
function importProblems(source: Source): string[] {
  const problems: string[] = [];
  const own = topOf(source.path);
  for (const { line, text } of importsOf(source)) {
    const where = `${source.path}:${line}`;
    if (text.startsWith(".")) {
      const target = posix.join(posix.dirname(source.path), text).replace(/\.js$/, ".ts");
      const top = topOf(target);
      if (top === own || (own === "cli" && shippedHarness.test(target))) continue;
      const height = heightOf.get(top);
      if (height === undefined) problems.push(`${where}: ${text} is in no layer`);
      else if (height >= heightOf.get(own)!) problems.push(`${where}: ${own} reaches up to ${top}`);
    } else {
      const name = text.replace(/^node:/, "").split("/")[0];
      const builtin = text.startsWith("node:") || builtinModules.includes(name);
      const allowed = clockModules.has(name) ? mayReadClock : mayReachSystem;
      if (builtin && !pureModules.has(name) && !allowed.test(source.path)) {
        problems.push(`${where}: only the storage port may import ${text}`);
      }
    }
  }
  return problems;
}

/** What is wrong with the use of clock and chance in a file, one line each. */
function clockProblems(source: Source): string[] {
  if (mayReadClock.test(source.path)) return [];
  return clockAndChanceOf(source).map(
    ({ line, text }) => `${source.path}:${line}: ${text} belongs to the storage port, or to the caller's clock`,
  );
}

/** What is wrong with the timers of a file, one line each. */
function timerProblems(source: Source): string[] {
  if (source.path === mayTakeTimers) return [];
  return globalTimersOf(source).map(
    ({ line, text }) => `${source.path}:${line}: ${text} may be replaced under our feet; take it from ${mayTakeTimers}`,
  );
}

const sources: Source[] = layers
  .flat()
  .filter((name) => existsSync(join(root, name)))
  .flatMap((name) => (name === "index.ts" ? sourcesIn(".", /^index\.ts$/) : sourcesIn(name, /\.[cm]?[jt]s$/)))
  .filter(({ path }) => heightOf.has(topOf(path)));

test("there are sources to look at", () => {
  expect(sources.length).toBeGreaterThan(0);
});

test("a folder imports only from itself and from folders below it", () => {
  expect(sources.flatMap(importProblems)).toEqual([]);
});

test("no file imports itself through others, in the tests and scripts neither", () => {
  expect(circlesIn(sourcesIn(".", /\.[cm]?[jt]s$/))).toEqual([]);
});

test("only the storage port reads the clock and draws random numbers", () => {
  expect(sources.flatMap(clockProblems)).toEqual([]);
});

test("timers are those of the moment when the module was loaded", () => {
  expect(sources.flatMap(timerProblems)).toEqual([]);
});

test("every folder with TypeScript in it is a layer or known to be none", () => {
  const apart = new Set(["test", "bench", "examples", "scripts", "docs", "vitest.config.ts"]);
  const tops = new Set(sourcesIn(".", /\.ts$/).map(({ path }) => topOf(path)));
  expect([...tops].filter((top) => !heightOf.has(top) && !apart.has(top))).toEqual([]);
});

test.each([
  ["a value import", 'import { open } from "../engine/database.js";'],
  ["a type-only import", 'import type { Database } from "../engine/database.js";'],
  ["an inline type import", 'import { type Database } from "../engine/database.js";'],
  ["a re-export", 'export * from "../engine/database.js";'],
  ["a dynamic import", 'const engine = await import("../engine/database.js");'],
  ["an import type", 'export type D = import("../engine/database.js").Database;'],
  ["the root module", 'import { open } from "../index.js";'],
  ["the test harness", 'import { model } from "../test/harness/model.js";'],
  ["the file system", 'import { readSync } from "node:fs";'],
  ["the file system, by its old name", 'import { readSync } from "fs";'],
  ["the file system's promises", 'import { open } from "node:fs/promises";'],
  ["random bytes", 'import { randomBytes } from "node:crypto";'],
  ["a socket", 'import net = require("node:net");'],
])("self-check: %s from the B+tree is found", (_what, text) => {
  expect(importProblems({ path: "btree/synthetic.ts", text })).toHaveLength(1);
});

/** Files of one folder, by their names and texts. */
function filesOf(texts: Readonly<Record<string, string>>): Source[] {
  return Object.entries(texts).map(([name, text]) => ({ path: `pager/${name}`, text }));
}

test("self-check: circles are found, each once, and what only leads to one or comes from one is not of it", () => {
  const files = filesOf({
    "above.ts": 'import { a } from "./a.js";',
    "a.ts": 'import { b } from "./b.js"; import { missing } from "./missing.js";',
    "b.ts": 'import type { C } from "./c.js"; export * from "./below.js";',
    "c.ts": 'export type A = import("./a.js").A;',
    "below.ts": 'import { left } from "./left.mjs";',
    "left.mjs": 'const { right } = await import("./right.mjs");',
    "right.mjs": 'export { left } from "../pager/left.mjs";',
    "self.ts": 'import { self } from "./self.js";',
    "alone.ts": 'import { alone } from "alone"; // import "./a.js"',
  });
  expect(circlesIn(files)).toEqual([
    ["pager/a.ts", "pager/b.ts", "pager/c.ts"],
    ["pager/left.mjs", "pager/right.mjs"],
    ["pager/self.ts"],
  ]);
});

test("self-check: a circle that is planted into the sources is found", () => {
  const importer = sources.find((source) => importsOf(source).some(({ text }) => text.startsWith("./")))!;
  const { text } = importsOf(importer).find((found) => found.text.startsWith("./"))!;
  const folder = posix.dirname(importer.path);
  const target = posix.join(folder, text).replace(/\.js$/, ".ts");
  const back = `import type {} from "./${posix.relative(posix.dirname(target), importer.path)}";\n`;
  const planted = sources.map((one) => (one.path === target ? { ...one, text: back + one.text } : one));
  expect(circlesIn(planted)).toEqual([[importer.path, target].sort()]);
});

test("self-check: siblings do not know each other", () => {
  const source = { path: "level/synthetic.ts", text: 'import { serve } from "../server/mcp/serve.js";' };
  expect(importProblems(source)).toEqual(["level/synthetic.ts:1: level reaches up to server"]);
});

test.each(["Date.now()", "new Date()", "Date()", "performance.now()", "Math.random()", "crypto.randomUUID()"])(
  "self-check: %s in the engine is found",
  (code) => {
    expect(clockProblems({ path: "engine/synthetic.ts", text: `export const value = ${code};` })).toHaveLength(1);
  },
);

test.each([
  "setTimeout(() => {}, 1)",
  "globalThis.setImmediate(() => {})",
  "process.nextTick(() => {})",
  "new Promise(setImmediate)",
  "({ later: setTimeout })",
])("self-check: the timer in %s is found", (code) => {
  expect(timerProblems({ path: "server/synthetic.ts", text: `export const value = ${code};` })).toHaveLength(1);
});

test("self-check: an imported timer is found", () => {
  const text = 'import { setTimeout } from "node:timers/promises";';
  expect(timerProblems({ path: "cli/synthetic.ts", text })).toHaveLength(1);
});

test("self-check: what is allowed is not reported", () => {
  const allowed = [
    'import { crc32 } from "node:zlib";',
    'import { isDate } from "node:util/types";',
    'import { Node } from "./node.js";',
    'import type { Storage } from "../pager/storage.js";',
    '// import { open } from "../engine/database.js"; Date.now()',
    "timers.setTimeout(() => {}, 1);",
    "export const epoch = new Date(0);",
  ].join("\n");
  const source = { path: "btree/synthetic.ts", text: allowed };
  expect([...importProblems(source), ...clockProblems(source), ...timerProblems(source)]).toEqual([]);
});
