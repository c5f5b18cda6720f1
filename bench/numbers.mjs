/** What a row of figures comes down to. Guarantees: nothing here changes the values it is given. */

/**
 * Of many times: how many, and how long. Five digits are enough for a report, and keep the file with the results small.
 *
 * @typedef {object} Summary
 * @property {number} count
 * @property {number} mean
 * @property {number} least
 * @property {number} p10
 * @property {number} p50
 * @property {number} p90
 * @property {number} p99
 * @property {number} p999
 * @property {number} most
 */

/** @param {ArrayLike<number>} values */
function ascending(values) {
  return Float64Array.from(values).sort();
}

/** @param {ArrayLike<number>} values */
export function median(values) {
  const sorted = ascending(values);
  const middle = sorted.length >>> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The value that this share of all values does not exceed.
 *
 * @param {ArrayLike<number>} values
 * @param {number} share from 0 to 1
 */
export function quantile(values, share) {
  return at(ascending(values), share);
}

/**
 * @param {ArrayLike<number>} values
 * @returns {Summary}
 */
export function summaryOf(values) {
  const sorted = ascending(values);
  const short = (value) => Number(value.toPrecision(5));
  return {
    count: sorted.length,
    mean: short(sorted.reduce((sum, each) => sum + each, 0) / sorted.length),
    least: short(sorted[0]),
    p10: short(at(sorted, 0.1)),
    p50: short(at(sorted, 0.5)),
    p90: short(at(sorted, 0.9)),
    p99: short(at(sorted, 0.99)),
    p999: short(at(sorted, 0.999)),
    most: short(sorted[sorted.length - 1]),
  };
}

function at(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** @param {number} ns */
export function duration(ns) {
  if (ns < 1000) return `${ns.toFixed(0)} ns`;
  if (ns < 1e6) return `${(ns / 1000).toFixed(2)} us`;
  return ns < 1e9 ? `${(ns / 1e6).toFixed(1)} ms` : `${(ns / 1e9).toFixed(2)} s`;
}

/** @param {number} count */
export function group(count) {
  return count.toLocaleString("en-US");
}
