/**
 * Reads and single commits in turns, while an engine works off what it has put off and while it does not. Guarantees:
 * every engine gets the same load before each busy phase; each read and each commit is timed by itself.
 */
import { entriesInTurn } from "./access.mjs";
import { putsOf } from "./commits.mjs";
import { summaryOf } from "./numbers.mjs";

/** Commits that a phase has at least, and how often the load comes again to reach them. */
const COMMITS = 500;
const QUICK_COMMITS = 20;
const MOST_CYCLES = 12;
/** Part of all entries that is written anew before each busy phase. */
const LOADED_SHARE = 1 / 5;
const LOAD_BATCH = 10_000;

/**
 * Times of a phase: `get` of a read, `put` of an awaited commit, `turn` of a read that first waits for its turn of the
 * event loop, as one that comes from outside does.
 *
 * @typedef {{ get: number[], put: number[], turn: number[] }} Times
 * @typedef {Record<"get" | "put" | "turn", import("./numbers.mjs").Summary>} Phase
 */

/**
 * `beside`: while a checkpoint runs that was asked for, or, in an engine that can't be asked, right after the load,
 * when it works in the background or inside of commits. `alone`: once that is over.
 *
 * @param {import("./workloads.mjs").Work} work
 * @param {number} readsPerCommit
 */
export async function mixed(work, readsPerCommit) {
  const { engine, dataSet, round, quick } = work;
  if (engine.get === undefined) return undefined;
  const next = entriesInTurn("random", dataSet, round + 1);
  const least = quick ? QUICK_COMMITS : COMMITS;
  /** @type {Record<"alone" | "beside", Times>} */
  const times = { alone: { get: [], put: [], turn: [] }, beside: { get: [], put: [], turn: [] } };
  const step = (into) => readAndCommit(work, next, readsPerCommit, into);
  const warmUp = { get: [], put: [], turn: [] };
  for (let k = 0; k < least; k++) await step(warmUp);
  let checkpointNs = 0;
  let cycles = 0;
  for (; times.beside.put.length < least && cycles < MOST_CYCLES; cycles++) {
    await loadAgain(work, next);
    checkpointNs += await busyPhase(engine, least, () => step(times.beside));
    await engine.settle();
    for (let k = 0; k < least / 2; k++) await step(times.alone);
  }
  const operations = times.alone.put.length * (readsPerCommit + 1);
  const ns = [...times.alone.put, ...times.alone.get].reduce((sum, each) => sum + each, 0);
  const phases = { alone: phaseOf(times.alone), beside: phaseOf(times.beside) };
  return { operations, ns, samples: phases.alone.put, phases, checkpointNs: checkpointNs / cycles, sum: null };
}

/** How long it took. */
async function busyPhase(engine, least, step) {
  const start = performance.now();
  if (engine.checkpoint === undefined) {
    for (let k = 0; k < least; k++) await step();
    return (performance.now() - start) * 1e6;
  }
  let running = true;
  const done = engine.checkpoint().then(() => {
    running = false;
  });
  while (running) await step();
  await done;
  return (performance.now() - start) * 1e6;
}

async function loadAgain({ engine, dataSet }, next) {
  const count = Math.ceil(dataSet.entries * LOADED_SHARE);
  for (let from = 0; from < count; from += LOAD_BATCH) {
    const { keys, values } = putsOf(dataSet, next, Math.min(LOAD_BATCH, count - from));
    await engine.load(keys, values, false);
  }
}

async function readAndCommit({ engine, dataSet }, next, reads, into) {
  const { keys, values } = putsOf(dataSet, next, 1);
  const put = engine.put ?? engine.putSync;
  const start = performance.now();
  await put(keys[0], values[0]);
  into.put.push((performance.now() - start) * 1e6);
  for (let i = 1; i < reads; i++) {
    const key = dataSet.key(next());
    const from = performance.now();
    engine.get(key);
    into.get.push((performance.now() - from) * 1e6);
  }
  const key = dataSet.key(next());
  const due = performance.now();
  await new Promise(setImmediate);
  const from = performance.now();
  engine.get(key);
  const end = performance.now();
  into.get.push((end - from) * 1e6);
  into.turn.push((end - due) * 1e6);
}

/** @param {Times} times */
function phaseOf({ get, put, turn }) {
  return { get: summaryOf(get), put: summaryOf(put), turn: summaryOf(turn) };
}
