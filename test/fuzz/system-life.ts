/**
 * The program that lives under strace: `system-life.js <database> <seed>`. Two short lives of a database on the real
 * disk; then it tells, as JSON, what may be stored. Guarantees: it ends by itself, whatever fails.
 */
import { writeSync } from "node:fs";
import { Random } from "../harness/random.js";
import { ErrorWorkload } from "./error-workload.js";

const [path, seed] = process.argv.slice(2);
const workload = new ErrorWorkload(path, new Random(Number(seed)), () => {});
// A rejection that comes after its promise was given up is not what is looked for.
process.on("unhandledRejection", () => {});
await workload.live({}, true);
const left = await workload.live({}, Number(seed) % 2 === 0);
writeSync(1, JSON.stringify(workload.state));
if (left !== undefined) process.kill(process.pid, "SIGKILL");
