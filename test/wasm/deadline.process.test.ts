/** What counts as the time of a module: that in which it runs, and not that in which a caller has what came of it. */
import { afterAll, expect, test } from "vitest";
import { Deadline } from "../../wasm/deadline.js";
import { builtUrl } from "../built-file.js";
import { freshPath } from "../map/fresh.js";
import { codeOf, exampleModule, moduleText } from "./module-text.js";

const core: typeof import("../../index.js") = await import(builtUrl("index.ts"));
const db = core.open(freshPath(), { pageSize: 4096 });
db.transactionSync((tx) => {
  for (let i = 0; i < 30_000; i++) tx.map("m").put(i, `value ${i} ${"x".repeat(400)}`);
});
await db.modules.put(exampleModule("count-keys"), { name: "count-keys" });
await db.modules.put(moduleText({ map_pages: "(loop $l (br $l)) unreachable" }), { name: "hangs" });

afterAll(() => db.close());

/** Keeps this thread. */
function spin(ms: number): void {
  for (const endMs = performance.now() + ms; performance.now() < endMs; );
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test("time goes by in slices and nowhere else, and adds up", () => {
  const deadline = new Deadline(60_000);
  const before = deadline.leftMs;
  spin(30);
  expect(deadline.leftMs).toBe(before);
  deadline.run(() => spin(30));
  expect(deadline.leftMs).toBeLessThanOrEqual(before - 30);
  const short = new Deadline(20);
  expect(() => short.run(() => spin(10_000))).toThrow(expect.objectContaining({ code: "LLMDB_WASM_TIME" }));
  expect(() => short.run(() => {})).toThrow(expect.objectContaining({ code: "LLMDB_WASM_TIME" }));
});

test.each([0, 2])("a reader may take longer than the module may, with %i workers", async (workers) => {
  const timeoutMs = 3000;
  // Made before it is read.
  const stream = db.modules.mapPages("count-keys", { map: "m" }, { workers, timeoutMs });
  await sleep(timeoutMs + 100);
  let pieces = 0;
  for await (const _ of stream) if (++pieces === 1) await sleep(timeoutMs + 100);
  expect(stream.usage.records).toBe(30_000);
});

test.each([0, 2])("what hangs is stopped, also when its reader took a while, with %i workers", async (workers) => {
  const stream = db.modules.mapPages("hangs", { map: "m" }, { workers, timeoutMs: 50, fuel: 2 ** 50 });
  await sleep(80);
  expect(await codeOf(() => stream.bytes())).toBe("LLMDB_WASM_TIME");
});

test("fuel limits what is attached; time is for what hangs", async () => {
  await db.modules.put(exampleModule("by-field-as"), { name: "by-field" });
  await db.modules.attach("by-field", "people", { on: "custom_index", name: "age", arg: Buffer.from("age") });
  expect(db.modules.attachments()).toMatchObject([{ fuel: 50_000_000, timeoutMs: 1000 }]);
});
