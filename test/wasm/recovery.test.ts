/**
 * What hooks and indexes derived, after a power failure or a kill at any operation of the disk: it is what it was after
 * one of the transactions, and it was not derived anew.
 */
import { expect, test } from "vitest";
import { type Database, open } from "../../index.js";
import { effort } from "../effort.js";
import { expectClean, Random, SimulatedDisk } from "../harness/index.js";
import { drawCrash } from "../harness/torture/image-plan.js";
import { CLOCK, derivedWrite, exampleModule, keyBytes, moduleText } from "./module-text.js";

const TRANSACTIONS = 50;
const MOST_IMAGES = effort(24);

/** Writes the time of the transaction to the map 1, so that who runs it later derives something else. */
const record = derivedWrite(1, keyBytes("time"), 0);
const stamped = moduleText(
  {
    tx_hook: `
      ${[...record].map((byte, i) => `(i32.store8 offset=${i} (local.get $out) (i32.const ${byte}))`).join(" ")}
      (i32.store8 offset=4 (local.get $out) (i32.const 1))
      (i32.store offset=0 (local.get $out) (i32.const 32))
      (i32.store offset=12 (local.get $out) (i32.const 9))
      (i32.store8 offset=21 (local.get $out) (i32.const 0xcf))
      (local.set $w (call $clock))
      (local.set $n (i32.const 8))
      (loop $each
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (i32.store8 offset=22 (i32.add (local.get $out) (local.get $n)) (i32.wrap_i64 (local.get $w)))
        (local.set $w (i64.shr_u (local.get $w) (i64.const 8)))
        (br_if $each (local.get $n)))
      (i32.const 32)`,
  },
  { imports: CLOCK },
);

function openOn(storage: SimulatedDisk, clock: () => number): Database {
  return open("/db", { storage, clock, pageSize: 4096, checkpointBytes: 32 * 1024 });
}

/** All that there is, as text. */
function stateOf(db: Database): string {
  const names = [...db.mapNames()].sort();
  const maps = names.map((name) => [name, [...db.map(name).range()]]);
  const attached = db.modules.attachments();
  const indexes = attached.filter(({ on }) => on === "custom_index").map(({ name }) => name);
  const entries = indexes.map((name) => [name, [...db.modules.index(name).range()]]);
  const modules = db.modules.list();
  return JSON.stringify([maps, entries, attached, modules]);
}

async function write(db: Database, random: Random, number: number): Promise<void> {
  const { modules } = db;
  if (number === 5) await modules.attach("edges", "edges", { on: "tx_hook", writes: ["reverse", "degree"] });
  if (number === 8) await modules.attach("stamped", "edges", { on: "tx_hook", writes: ["stamps"] });
  if (number % 20 === 12) {
    await modules.attach("by-field", "people", { on: "custom_index", name: "age", arg: Buffer.from("age") });
  }
  if (number % 20 === 19) await modules.detach("by-field", "people", { on: "custom_index", name: "age" });
  await db.transaction((tx) => {
    for (let i = random.below(12); i >= 0; i--) {
      if (number >= 5) tx.map("edges").put([random.below(9), random.below(9)], random.below(5));
      tx.map("people").put(random.below(30), { age: random.below(40), more: "x".repeat(random.below(900)) });
      if (random.chance(0.2)) tx.map("edges").delete([random.below(9), random.below(9)]);
      if (random.chance(0.2)) tx.map("people").delete(random.below(30));
    }
  });
}

test.each([1, 2])("crashes anywhere, seed %i", { timeout: 300_000 }, async (seed) => {
  const disk = new SimulatedDisk(seed);
  const random = new Random(seed);
  const images: { disk: SimulatedDisk; least: number }[] = [];
  const states = new Map<number, string>();
  let now = Date.UTC(2026, 0, 1);
  let acknowledged = 0;
  const db = openOn(disk, () => now);
  await db.modules.put(exampleModule("reverse-edges-as"), { name: "edges", capabilities: ["get"] });
  await db.modules.put(exampleModule("by-field-as"), { name: "by-field" });
  await db.modules.put(stamped, { name: "stamped", capabilities: ["clock"] });
  const note = () => states.set(db.stats().lastTx, stateOf(db));
  note();
  acknowledged = db.stats().lastTx;
  disk.watcher = (_operation, when) => {
    if (when !== "before" || images.length >= MOST_IMAGES || !random.chance(0.12)) return;
    images.push({ disk: random.chance(0.25) ? disk.fork() : disk.crash(drawCrash(random)), least: acknowledged });
  };
  for (let number = 0; number < TRANSACTIONS; number++) {
    now += 1000;
    await write(db, random, number);
    acknowledged = db.stats().lastTx;
    note();
  }
  disk.watcher = undefined;
  images.push({ disk: disk.fork(), least: acknowledged });
  expect(images.length).toBeGreaterThan(MOST_IMAGES / 2);
  let replayed = 0;
  for (const image of images) {
    const found = openOn(image.disk, () => now + 3_600_000);
    const { lastTx } = found.stats();
    expect(lastTx).toBeGreaterThanOrEqual(image.least);
    // Between the transactions of one step, nothing was noted.
    const known = states.get(lastTx);
    if (known !== undefined) expect(stateOf(found)).toBe(known);
    expect(found.modules.hookFuelUsed).toBe(0);
    replayed += found.recovered.replayed;
    expectClean(found);
    expectInStep(found);
    found.map("edges").putSync(["new", "b"], 1);
    if (found.modules.attachments().length > 0) expect(found.modules.hookFuelUsed).toBeGreaterThan(0);
    await found.close();
  }
  expect(replayed).toBeGreaterThan(MOST_IMAGES / 4);
  await db.close();
});

/** What is derived is what the maps say. */
function expectInStep(db: Database): void {
  if (!db.modules.attachments().some(({ map }) => map === "edges")) return;
  const edges = [...db.map<[number, number], number>("edges").range()];
  const reverse = [...db.map<[number, number], number>("reverse").range()];
  const byEnd = (a: readonly number[], b: readonly number[]) => a[0] - b[0] || a[1] - b[1];
  expect(reverse.map(([[to, from], value]) => [from, to, value]).sort(byEnd)).toEqual(
    edges.map(([[from, to], value]) => [from, to, value]),
  );
}
