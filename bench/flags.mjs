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
 * @property {number} large bytes of the large file that is opened after a kill
 * @property {string[]} engines names, in the order they run
 * @property {string[]} workloads names, in the order they run
 * @property {string} folder where the databases lie while it runs
 */

export const USAGE = `npm run bench -- [flags]
  --quick            small sizes, to see that everything runs
  --entries <n>      entries in each database (500000; quick: 50000)
  --rounds <n>       rounds of each workload (5; quick: 3)
  --reads <n>        random reads in a round (300000; quick: 50000)
  --large <bytes>    the large file that is opened after a kill (1000000000; quick: 50000000)
  --engines <a,b>    some of ${Object.keys(ENGINES).join(", ")}
  --workloads <a,b>  some of ${Object.keys(WORKLOADS).join(", ")}
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
      entries: { type: "string" },
      rounds: { type: "string" },
      reads: { type: "string" },
      large: { type: "string" },
      engines: { type: "string" },
      workloads: { type: "string" },
      folder: { type: "string", default: folder },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  const { quick } = values;
  return {
    quick,
    entries: count("entries", values.entries, quick ? 50_000 : 500_000),
    rounds: count("rounds", values.rounds, quick ? 3 : 5),
    reads: count("reads", values.reads, quick ? 50_000 : 300_000),
    large: count("large", values.large, quick ? 50_000_000 : 1_000_000_000),
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
  for (const name of asked) {
    if (!known.includes(name)) throw new Error(`--${flag} takes ${known.join(", ")}, not ${name}`);
  }
  return known.filter((name) => asked.includes(name));
}
