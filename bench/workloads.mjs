/**
 * What is measured. Guarantees: in a round every engine does the same work in the same order, and only the engine's own
 * calls are timed, not the making of keys and values.
 */
import { commitOneByOne, commitSteadily, commitTogether } from "./commits.mjs";
import { load, sustain, update } from "./loads.mjs";
import { mixed } from "./mixed.mjs";
import { group } from "./numbers.mjs";
import { copies, scan, views } from "./reads.mjs";
import { measureReopening } from "./reopen.mjs";
import { measureTimeAxes } from "./time-axes.mjs";

/** @typedef {import("./numbers.mjs").Summary} Summary */

/**
 * @typedef {object} Measured
 * @property {number} operations
 * @property {number} ns of all operations together
 * @property {Summary} samples of one operation each, on average over a block or a batch
 * @property {Summary & { clock?: number }} [latency] of single operations, each timed by itself
 * @property {Summary} [bare] of bare writes of the same bytes with a sync, done in between
 * @property {number} [bareTotalNs] of all of these
 * @property {number} [bytes] of keys and values that were written
 * @property {Record<"alone" | "beside", import("./mixed.mjs").Phase>} [phases]
 * @property {number} [checkpointNs] from the call until it is durable, with what runs beside it
 * @property {number | null} sum what was read, to be the same in every engine
 */

/**
 * One round of a workload of LLMDB alone: nanoseconds by what they are the time of, and what they are held to.
 *
 * @typedef {object} Observed
 * @property {Record<string, number>} figures
 * @property {import("./goals.mjs").GoalRow[]} [goals] with the value of this round
 */

/** @typedef {Measured | Observed | undefined} Outcome undefined where the engine has no such call */

/**
 * @typedef {object} Work
 * @property {import("./engines.mjs").Engine} engine
 * @property {import("./data-set.mjs").DataSet} dataSet
 * @property {number} round
 * @property {number} reads
 * @property {boolean} quick
 * @property {string} folder of the process, on the disk to measure
 */

/**
 * @typedef {object} Workload
 * @property {string} title
 * @property {"read" | "loaded" | "empty" | "own"} start what it finds: a database that stays open for all rounds and
 * was read once; or, in each round, a process of its own with a database that was loaded or is empty; or it brings its
 * own
 * @property {(flags: import("./flags.mjs").Flags) => import("./data-set.mjs").Shape} shape
 * @property {number} [rounds] at most, where one takes long
 * @property {(work: Work) => Outcome | Promise<Outcome>} [run]
 * @property {(flags: import("./flags.mjs").Flags) => Promise<Observed[]>} [runAll] all rounds of LLMDB, where it brings
 * its own databases
 */

const VALUE_BYTES = 256;
/** Values of any size take no more than this, so that the memory of any machine has room for all engines. */
const VALUES_BYTES = 256 * 1024 * 1024;
const QUICK_VALUES_BYTES = 16 * 1024 * 1024;
const SUSTAINED_VALUE_BYTES = 4096;

/** @type {Workload["shape"]} */
const usual = ({ entries }) => ({ entries, keys: "13", valueBytes: VALUE_BYTES });
const objects = ({ entries }) => ({ entries, keys: "13" });
const uncached = (flags) => {
  const shape = usual(flags);
  return { ...shape, cacheBytes: Math.floor((shape.entries * (VALUE_BYTES + 13)) / 2) };
};
const withKeys = (keys) => (flags) => ({ ...usual(flags), keys });
const withValues =
  (valueBytes) =>
  ({ entries, quick }) => {
    const most = Math.floor((quick ? QUICK_VALUES_BYTES : VALUES_BYTES) / valueBytes);
    return { entries: Math.min(entries, most), keys: "13", valueBytes };
  };
const ofCount = (entries) => (flags) => ({ ...usual(flags), entries });
const sustained = ({ sustained: bytes }) => ({
  entries: Math.ceil(bytes / SUSTAINED_VALUE_BYTES),
  keys: "13",
  valueBytes: SUSTAINED_VALUE_BYTES,
  // Not room for everything: a writer goes on for longer than any cache.
  cacheBytes: 256 * 1024 * 1024,
});

/** @returns {[string, Workload]} */
function reading(name, title, shape, run) {
  return [name, { title, start: "read", shape, run }];
}

/** @returns {[string, Workload]} */
function loading(name, title, shape, sorted) {
  return [name, { title, start: "empty", shape, run: (work) => load(work, sorted) }];
}

/** @returns {[string, Workload]} */
function writing(name, title, run) {
  return [name, { title, start: "loaded", shape: usual, run }];
}

/** @returns {[string, Workload]} */
function alone(name, title, runAll) {
  return [name, { title, start: "own", shape: usual, runAll }];
}

const KEY_KINDS = { 40: "random keys of 40 bytes", "40-prefix": "keys of 40 bytes, 27 of them the same" };
const VALUE_SIZES = [16, 4096, 65_536];
const COUNTS = [10_000, 100_000, 1_000_000, 10_000_000];

/** Those of one shape stand together: its databases are opened once. @type {Record<string, Workload>} */
export const WORKLOADS = Object.fromEntries([
  reading("get", "random read, value copied", usual, (work) => copies(work)),
  reading("view", "random read, value in place", usual, views),
  reading("get-sorted", "read in the order of keys, value copied", usual, (work) => copies(work, "sorted")),
  reading("get-zipf", "zipfian read, value copied", usual, (work) => copies(work, "zipf")),
  reading("scan", "full scan, keys and values", usual, scan),
  reading("get-object", "random read of an object of 10 fields", objects, (work) => copies(work)),
  reading("get-uncached", "random read, data twice the page cache", uncached, (work) => copies(work)),
  ...Object.entries(KEY_KINDS).map(([keys, title]) =>
    reading(`get-keys-${keys}`, `random read, ${title}`, withKeys(keys), (work) => copies(work)),
  ),
  ...VALUE_SIZES.flatMap((bytes) => [
    reading(`get-values-${bytes}`, `random read, ${group(bytes)} bytes`, withValues(bytes), (work) => copies(work)),
    reading(`scan-values-${bytes}`, `full scan, ${group(bytes)} bytes`, withValues(bytes), scan),
  ]),
  ...COUNTS.map((count) =>
    reading(`get-count-${count}`, `random read, ${group(count)} entries`, ofCount(count), (work) => copies(work)),
  ),
  loading("load-sorted", "sorted load, durable batches of 10,000", usual, true),
  loading("load-random", "random load, durable batches of 10,000", usual, false),
  ...Object.entries(KEY_KINDS).map(([keys, title]) =>
    loading(`load-keys-${keys}`, `random load, ${title}`, withKeys(keys), false),
  ),
  ...VALUE_SIZES.map((bytes) =>
    loading(`load-values-${bytes}`, `random load, ${group(bytes)} bytes`, withValues(bytes), false),
  ),
  writing("update-zipf", "zipfian updates, durable batches of 10,000", update),
  ["sustain", { title: "4 KiB values, sustained", start: "empty", shape: sustained, rounds: 3, run: sustain }],
  writing("commit", "one durable commit of one put", commitOneByOne),
  writing("steady", "durable commits, checkpoints as they come", commitSteadily),
  writing("writers", "durable commits of one put, 100 promises at once", commitTogether),
  writing("mixed-95", "95 reads, 5 commits", (work) => mixed(work, 19)),
  writing("mixed-50", "50 reads, 50 commits", (work) => mixed(work, 1)),
  alone("reopen", "open after kill -9, log of 64 MiB", measureReopening),
  alone("temporal", "the two time axes", measureTimeAxes),
]);
