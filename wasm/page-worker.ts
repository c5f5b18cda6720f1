/**
 * What a thread runs that goes through morsels. Guarantees: it reads pages where they lie and writes nothing but what
 * it answers; a module that does not end is stopped from outside, with the thread.
 */
import { parentPort } from "node:worker_threads";
import { LlmdbError } from "../pager/error.js";
import { PageViews } from "../pager/page.js";
import { hostWithoutReads } from "./host-imports.js";
import { Morsel } from "./morsel.js";
import { PageBatch } from "./page-batch.js";
import type { MorselJob, MorselReply } from "./worker-message.js";

const port = parentPort;
const batch = new PageBatch();
let arena = -1;
let chunks: PageViews[] = [];

function learnChunks(job: MorselJob): void {
  if (job.arena !== arena) chunks = [];
  arena = job.arena;
  for (const { index, buffer, at, bytes } of job.chunks) chunks[index] = new PageViews(buffer, at, bytes);
}

function runJob(job: MorselJob): MorselReply {
  const host = hostWithoutReads(job.head.micros, (log) => post({ log }));
  const grant = { fuel: job.fuel, memoryBytes: job.memoryBytes };
  const { module, imports, head, pagesPerCall, places } = job;
  learnChunks(job);
  batch.clear();
  batch.chunks = chunks;
  for (let i = 0; i < places.length; i += 4) batch.add(places[i], places[i + 1], places[i + 2], places[i + 3]);
  const morsel = new Morsel({ module, imports, head, grant, pagesPerCall }, host);
  morsel.run(batch, 0, batch.count);
  morsel.end();
  return { id: job.id, output: morsel.finish(), fuelUsed: morsel.fuelUsed };
}

function post(reply: MorselReply): void {
  port?.postMessage(reply, "output" in reply ? [reply.output.buffer] : []);
}

port?.on("message", (job: MorselJob) => {
  try {
    post(runJob(job));
  } catch (error) {
    const code = error instanceof LlmdbError ? error.code : undefined;
    const details = error instanceof LlmdbError ? error.details : {};
    post({ id: job.id, code, message: error instanceof Error ? error.message : String(error), details });
  }
});
