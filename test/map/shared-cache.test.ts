/** A cache in shared memory: everything as without it, and worker threads read pages where they are. */
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openLeaves } from "../../engine/leaf-run.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { effort } from "../effort.js";
import { engineOf } from "../engine-of.js";
import { ModelRun, stepsOf } from "../harness/index.js";
import { compareKeys } from "../key/order.js";
import { mapped, openFresh } from "./fresh.js";
import { universe } from "./universe.js";

const WHOLE = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };

test("random runs give what a model gives", async () => {
  const property = fc.asyncProperty(stepsOf(universe, { maxLength: 40, size: "max" }), async (steps) => {
    const options = { pageSize: 4096, cacheBytes: 0, sharedCache: true } as const;
    await new ModelRun(universe, compareKeys, memoryStorage(), "shared.llmdb", options).run(steps);
  });
  await fc.assert(property, { numRuns: effort(8) });
}, 120_000);

test("what is handed out is the caller's own, but for a view", () => {
  const db = openFresh({ sharedCache: true });
  const bytes = db.map<number, Uint8Array>("bytes", { values: "bytes" });
  const things = db.map<number, { of: Uint8Array }>("things");
  for (const size of [5, 500, 1900]) {
    bytes.putSync(size, new Uint8Array(size).fill(65));
    things.putSync(size, { of: new Uint8Array(size).fill(65) });
  }
  for (const size of [5, 500, 1900]) {
    const copies = [bytes.get(size), bytes.getBytes(size), things.get(size)?.of, ...bytes.values()];
    expect(copies.map((copy) => copy?.buffer instanceof ArrayBuffer)).not.toContain(false);
    if (!mapped) expect(bytes.view(size, (view) => view.buffer instanceof SharedArrayBuffer)).toBe(true);
    expect(bytes.view(size, (view) => new TextDecoder().decode(view))).toBe("A".repeat(size));
    expect(bytes.view(size, (view) => Buffer.from(view).toString("latin1"))).toBe("A".repeat(size));
  }
});

const reader = `
const { parentPort } = require("node:worker_threads");
const { crc32 } = require("node:zlib");
parentPort.on("message", ({ chunks, places, pageSize }) => {
  parentPort.postMessage(places.map(([chunk, base]) => crc32(new Uint8Array(chunks[chunk], base, pageSize))));
});`;

test.skipIf(mapped)("a worker reads the pages of a batch where they are", async () => {
  const db = openFresh({ pageSize: 4096, sharedCache: true });
  db.transactionSync((tx) => {
    for (let i = 0; i < 3000; i++) tx.map<number, string>("m").put(i, `value ${i}`);
  });
  await db.checkpoint();
  const run = openLeaves(engineOf(db).state, "m", WHOLE);
  const { cache } = run;
  expect(run.next(1000)).toBeGreaterThan(10);
  const frames = [...run.frames.subarray(0, run.count)];
  const chunks = cache.chunks.map(({ u8 }) => u8.buffer);
  const places = frames.map((frame) => [frame >>> cache.shift, cache.base(frame)]);
  const worker = new Worker(reader, { eval: true });
  try {
    const seen = new Promise<unknown>((resolve, reject) => worker.once("message", resolve).once("error", reject));
    worker.postMessage({ chunks, places, pageSize: cache.pageSize });
    expect(await seen).toEqual(frames.map((frame) => cache.crcOf[frame]));
  } finally {
    await worker.terminate();
    run.close();
  }
});

test("is true or false", () => {
  const given: object = { sharedCache: 1 };
  expect(() => openFresh(given)).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
});
