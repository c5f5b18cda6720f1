/**
 * One side of a lock, on any runtime: `hold` opens a database and keeps it until it is killed, `try` opens it and
 * closes it again. Both print what came of it as a line of JSON. `scripts/check-runtimes.mjs` runs it, runtime against
 * runtime.
 *
 *     <runtime> lock.mjs hold|try <file>
 */
import process from "node:process";
import { open } from "llmdb";

const [, , what, path] = process.argv;
try {
  const db = open(path);
  console.log(JSON.stringify({ held: true, pid: process.pid }));
  if (what === "hold") setInterval(() => {}, 1000);
  else db.closeSync();
} catch ({ code, message, details }) {
  console.log(JSON.stringify({ held: false, code, message, holder: details?.holder }));
}
