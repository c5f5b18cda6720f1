#!/usr/bin/env node
/**
 * The long form of the check of both time axes: random histories of a bitemporal database, with checkpoints, reopening,
 * crashes and a clock that jumps, and answers at random points compared with those of replaying all that was said.
 *
 *     npm run build
 *     node scripts/probe-both-times.mjs [--probes 1000000] [--seed 1] [--transactions 200] [--each 100]
 *
 * A history has `--transactions`, and after each of them `--each` keys are asked about. Prints what was done; ends with
 * 1 at the first answer that is different, after a line with the seed of its history.
 */
import { existsSync } from "node:fs";
import { parseArgs } from "node:util";

const MAX_KEY_BYTES = 1024;
const HISTORIES_PER_LINE = 5;

const { values: flags } = parseArgs({
  options: {
    probes: { type: "string", default: "1000000" },
    seed: { type: "string", default: "1" },
    transactions: { type: "string", default: "200" },
    each: { type: "string", default: "100" },
  },
});

if (!existsSync(new URL("../dist/index.js", import.meta.url))) {
  console.error("there is no build: run npm run build first");
  process.exit(2);
}
const { probeHistory } = await import("../dist/internal/test/harness/temporal/probe-run.js");
const { encodeElement, KeyBuffer } = await import("../dist/internal/engine/key.js");

const wanted = Number(flags.probes);
const options = { transactions: Number(flags.transactions), probes: Number(flags.each) };
const started = performance.now();
const total = {};
let histories = 0;
for (let seed = Number(flags.seed); (total.probes ?? 0) < wanted; seed++) {
  try {
    const report = await probeHistory(seed, compareKeys, options);
    for (const [name, count] of Object.entries(report)) total[name] = (total[name] ?? 0) + count;
  } catch (error) {
    console.log(`different, in the history of seed ${seed}: ${error.message}`);
    console.error(error.stack);
    process.exitCode = 1;
    break;
  }
  histories++;
  if (histories % HISTORIES_PER_LINE === 0) console.error(summary());
}
console.log(summary());

function summary() {
  const counts = Object.entries(total).map(([name, count]) => `${count} ${name}`);
  const seconds = (performance.now() - started) / 1000;
  const verdict = process.exitCode === 1 ? "1 difference" : "0 differences";
  return `${verdict}; ${histories} histories in ${seconds.toFixed(0)} s: ${counts.join(", ")}`;
}

/** The order of keys is that of their bytes, which other tests look at. */
function compareKeys(a, b) {
  return Buffer.compare(bytesOf(a), bytesOf(b));
}

function bytesOf(key) {
  const buffer = new KeyBuffer();
  return buffer.bytes.slice(0, encodeElement(key, buffer, 0, MAX_KEY_BYTES));
}
