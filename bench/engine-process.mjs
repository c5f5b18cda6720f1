/**
 * The process of one engine: does what the parent asks, one request at a time. Guarantees: it works only between a
 * request and its answer; it never closes its database, because the parent ends it and deletes the folder.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DataSet } from "./data-set.mjs";
import { ENGINES } from "./engines.mjs";
import { load } from "./loads.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** Bytes and entries of the database that a load warms up on: the compiler's work is not the database's. */
const WARM_UP_BYTES = 32 * 1024 * 1024;
const WARM_UP_ENTRIES = 30_000;
const QUICK_WARM_UP_ENTRIES = 1000;
/** What each engine with a cache gets at least: the default of llmdb. */
const MIN_CACHE_BYTES = 256 * 1024 * 1024;
/** What lies around an entry in pages that are half full. */
const ENTRY_BYTES = 344;

/** @type {import("./workloads.mjs").Work} */
let work;

const requests = {
  /** Opens an empty database. Answers with the engine's settings. */
  async probe({ engine: name, folder }) {
    const { openEngine } = await ENGINES[name].load();
    const { settings } = await openEngine(openRequest(folder, { entries: 1, keys: "13", valueBytes: 16 }));
    return settings;
  },

  /** Opens a database, `empty`, `loaded`, or or loaded and `read`: scanned, and then read once by
   * the workloads that will run. */
  async open({ engine: name, folder, shape, reads, quick, state, workloads }) {
    const { openEngine, Bytes } = await ENGINES[name].load();
    if (state === "empty") {
      const smaller = { ...shape, entries: warmUpEntries(shape, quick) };
      const warmed = subfolder(folder, "warm-up");
      const engine = await openEngine(openRequest(warmed, smaller));
      await load({ engine, dataSet: new DataSet(smaller, Bytes), round: 0, reads, quick, folder }, false);
      await engine.settle();
    }
    const engine = await openEngine(openRequest(subfolder(folder, "data"), shape));
    work = { engine, dataSet: new DataSet(shape, Bytes), round: 0, reads, quick, folder };
    if (state !== "empty") {
      await load(work, false);
      await engine.settle();
    }
    if (state !== "read") return;
    await engine.scan?.();
    for (const workload of workloads) await WORKLOADS[workload].run(work);
  },

  /** Runs one round of a workload; answers with what was measured, or undefined where the engine has no such call. */
  async run({ workload, round }) {
    return WORKLOADS[workload].run({ ...work, round });
  },
};

function openRequest(folder, { entries, valueBytes, cacheBytes }) {
  const room = Math.max(MIN_CACHE_BYTES, entries * (2 * (valueBytes ?? 256) + ENTRY_BYTES));
  return { folder, cacheBytes: cacheBytes ?? room, objects: valueBytes === undefined, entries, valueBytes };
}

function warmUpEntries({ entries, valueBytes = 256 }, quick) {
  const most = quick ? QUICK_WARM_UP_ENTRIES : WARM_UP_ENTRIES;
  return Math.min(entries, most, Math.ceil(WARM_UP_BYTES / valueBytes));
}

function subfolder(folder, name) {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** In words, without the paths of this machine. */
function reasonOf(error) {
  if (error?.code === "ERR_DLOPEN_FAILED") {
    return "its native module does not load in this Node: delete bench/node_modules, and run npm run bench again";
  }
  return error instanceof Error ? error.message : String(error);
}

process.on("message", async ({ request, ...details }) => {
  try {
    process.send({ answer: await requests[request](details) });
  } catch (error) {
    process.send({ error: reasonOf(error) });
  }
});
