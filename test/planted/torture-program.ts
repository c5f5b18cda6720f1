/**
 * The program that tortures an engine with a planted bug: takes the options of a run as JSON, stops at the first
 * violation, and prints the report as JSON in its last line.
 */
import { type TortureOptions, tortureSimulated } from "../harness/torture/index.js";

const options: TortureOptions = JSON.parse(process.argv[2]);
const report = await tortureSimulated({ workers: 0, mostViolations: 1, ...options });
process.stdout.write(`${JSON.stringify(report)}\n`);
