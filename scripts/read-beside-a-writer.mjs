#!/usr/bin/env node
/**
 * The long form of the reader torture: snapshot readers in the writer's process, in a worker thread and in processes
 * that are killed, for a minute.
 *
 *     npm run build
 *     node scripts/read-beside-a-writer.mjs [--seconds 60] [--seed 1] [--processes 2] [--own]
 *
 * `--own` leaves out the readers that have handles of their own. Prints the report as JSON; ends with 1 where a check
 * did not hold.
 */
import { parseArgs } from "node:util";
import { tortureReaders } from "../dist/internal/test/harness/kill/index.js";

const { values: flags } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    processes: { type: "string", default: "2" },
    own: { type: "boolean", default: false },
  },
});

const report = await tortureReaders({
  seed: Number(flags.seed),
  seconds: Number(flags.seconds),
  processes: Number(flags.processes),
  handles: !flags.own,
});
console.log(JSON.stringify(report, null, 2));
if (report.anomalies.length > 0) process.exitCode = 1;
