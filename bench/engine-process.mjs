/**
 * The process of one engine: does what the parent asks, one request at a time. Guarantees: it works only between a
 * request and its answer; it never closes its database, because the parent ends it and deletes the folder.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DataSet } from "./data-set.mjs";
import { ENGINES } from "./engines.mjs";
import { load, WORKLOADS } from "./workloads.mjs";

/** Entries of the database that a load warms up on: the compiler's work is not the database's. */
const WARM_UP_ENTRIES = 30_000;

/** @type {import("./workloads.mjs").Work} */
let work;

const requests = {
  /** Opens a database, `empty`, `loaded`, or loaded and `read` once. Answers with the engine's settings. */
  async open({ engine: name, folder, entries, reads, cacheBytes, state }) {
    const { openEngine, Bytes } = await ENGINES[name].load();
    if (state === "empty") {
      const engine = await openEngine({ folder: subfolder(folder, "warm-up"), cacheBytes });
      await load({ engine, dataSet: new DataSet(WARM_UP_ENTRIES, Bytes), round: 0, reads, folder }, false);
      await engine.settle();
    }
    const engine = await openEngine({ folder: subfolder(folder, "data"), cacheBytes });
    work = { engine, dataSet: new DataSet(entries, Bytes), round: 0, reads, folder };
    if (state !== "empty") {
      await load(work, false);
      await engine.settle();
    }
    if (state === "read") {
      for (const workload of Object.values(WORKLOADS)) if (workload.start === "read") await workload.run(work);
    }
    return engine.settings;
  },

  /** Runs one round of a workload; answers with what was measured, or undefined where the engine has no such call. */
  async run({ workload, round }) {
    return WORKLOADS[workload].run({ ...work, round });
  },
};

function subfolder(folder, name) {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  return path;
}

process.on("message", async ({ request, ...details }) => {
  try {
    process.send({ answer: await requests[request](details) });
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) });
  }
});
