/**
 * `llmdb torture` as a library: simulated crashes with an oracle of what was acknowledged.
 *
 * @packageDocumentation
 */
export {
  RARE_BRANCHES,
  type TortureOptions,
  type TortureProgress,
  type TortureReport,
  type TortureViolation,
} from "./report.js";
export { tortureDisks, tortureSimulated } from "./torture.js";
export { WriteOrder } from "./write-order.js";
