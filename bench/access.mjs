/**
 * In which order entries are asked for. Guarantees: the same data set, seed and kind give the same numbers in every
 * process.
 */
import { randomNumbers } from "./data-set.mjs";

/** How uneven the zipfian order is, as in YCSB: of 500,000 entries the first is asked for in 7 of 100 cases. */
const SKEW = 0.99;

/** @typedef {"random" | "sorted" | "zipf"} Access */

/**
 * @param {Access} access
 * @param {import("./data-set.mjs").DataSet} dataSet
 * @param {number} seed
 * @returns {() => number} the number of the entry to ask for next
 */
export function entriesInTurn(access, dataSet, seed) {
  const next = randomNumbers(seed);
  const { entries } = dataSet;
  if (access === "random") return () => next() % entries;
  if (access === "zipf") return zipfian(next, entries);
  const { sorted } = dataSet;
  let at = next() % entries;
  return () => sorted[at++ % entries];
}

/** "Quickly generating billion-record synthetic databases", Gray and others, 1994. Keys of neighbours are far apart. */
function zipfian(next, entries) {
  let zeta = 0;
  for (let rank = 1; rank <= entries; rank++) zeta += 1 / rank ** SKEW;
  const second = 1 + 0.5 ** SKEW;
  const alpha = 1 / (1 - SKEW);
  const eta = (1 - (2 / entries) ** (1 - SKEW)) / (1 - second / zeta);
  return () => {
    const drawn = next() / 2 ** 32;
    if (drawn * zeta < 1) return 0;
    if (drawn * zeta < second) return 1;
    return Math.min(entries - 1, Math.floor(entries * (eta * drawn - eta + 1) ** alpha));
  };
}
