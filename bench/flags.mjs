/**
 * The flags of the command. Guarantees: an unknown flag or a value that is no count stops the run with a message.
 */
import { parseArgs } from "node:util";
import { ENGINES } from "./engines.mjs";
import { WORKLOADS } from "./workloads.mjs";

/**
 * @typedef {object} Flags
 * @property {boolean} quick
 * @property {number} entries how many entries each database holds
 * @property {number} rounds how often each workload runs in each engine
 * @property {number} reads random reads in one round
 * @property {number} most entries of any database: a workload with more is left out
 * @property {number} sustained bytes that the single writer of 4 KiB values puts in
 * @property {number} large bytes of the large file that is opened after a kill
 * @property {string[]} engines names, in the order they run
 * @property {string[]} workloads names, in the order they run
 * @property {string} folder where the databases lie while it runs
 */

/** In full, and in a quick run. @type {Record<string, [number, number]>} */
const SIZES = {
  entries: [500_000, 5000],
  rounds: [5, 1],
  reads: [300_000, 6000],
  most: [10_000_000, 100_000],
  sustained: [2_000_000_000, 16_000_000],
  large: [1_000_000_000, 10_000_000],
};

export const USAGE = `npm run bench -- [flags]
  --quick            small sizes, to see that everything runs: under three minutes
  --entries <n>      entries in each database (500000; quick: 5000)
  --rounds <n>       rounds of each workload (5; quick: 1)
  --reads <n>        random reads in a round (300000; quick: 6000)
  --most <n>         leave out workloads with more entries (10000000; quick: 100000)
  --sustained <n>    bytes of the single writer (2000000000; quick: 16000000)
  --large <bytes>    the large file that is opened after a kill (1000000000; quick: none)
  --engines <a,b>    some of ${Object.keys(ENGINES).join(", ")}
  --workloads <a,b>  some of ${Object.keys(WORKLOADS).join(", ")}; get-values-* are all that start so
  --folder <path>    a folder on the disk to measure (bench/results)`;

/**
 * @param {string[]} args
 * @param {string} folder where databases lie unless a flag says otherwise
 * @returns {Flags | undefined} undefined where help was asked for
 */
export function readFlags(args, folder) {
  const { values } = parseArgs({
    args,
    options: {
      quick: { type: "boolean", default: false },
      ...Object.fromEntries(Object.keys(SIZES).map((size) => [size, { type: "string" }])),
      engines: { type: "string" },
      workloads: { type: "string" },
      folder: { type: "string", default: folder },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  const size = (flag) => count(flag, values[flag], SIZES[flag][quick ? 1 : 0]);
  return {
    quick,
    entries: size("entries"),
    rounds: size("rounds"),
    reads: size("reads"),
    most: size("most"),
    sustained: size("sustained"),
    large: size("large"),
    engines: names("engines", values.engines, Object.keys(ENGINES)),
    workloads: names("workloads", values.workloads, Object.keys(WORKLOADS)),
    folder: values.folder,
  };
}

/**
 * @param {string} flag
 * @param {string | undefined} text
 * @param {number} otherwise
 */
function count(flag, text, otherwise) {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new Error(`--${flag} is a whole number from 1, not ${text}`);
}

/**
 * @param {string} flag
 * @param {string | undefined} text
 * @param {string[]} known
 */
function names(flag, text, known) {
  if (text === undefined) return known;
  const asked = text.split(",");
  const fits = (name, pattern) => (pattern.endsWith("*") ? name.startsWith(pattern.slice(0, -1)) : name === pattern);
  for (const pattern of asked) {
    if (known.some((name) => fits(name, pattern))) continue;
    throw new Error(`--${flag} takes ${known.join(", ")}, not ${pattern}`);
  }
  return known.filter((name) => asked.some((pattern) => fits(name, pattern)));
}
