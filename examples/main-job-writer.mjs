/**
 * What `main-job.mjs` kills: commits one fact after the other, several at a time, and says so only after the promise of
 * a commit has resolved. It never ends by itself.
 */
import { writeSync } from "node:fs";
import { open } from "llmdb";
import { Memory } from "llmdb/memory";

const AT_ONCE = 4;
const [, , path, round] = process.argv;
const memory = new Memory(open(path, { create: false })).within("killed");
let next = 0;

async function commitOn() {
  for (;;) {
    const fact = `${round}-${next++}`;
    writeSync(1, `begun ${fact}\n`);
    await memory.remember({ subject: `writer ${round}`, predicate: "has done", object: fact, many: true });
    writeSync(1, `acknowledged ${fact}\n`);
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, commitOn));
