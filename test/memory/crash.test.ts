/** The maps of the memory after a power failure or a kill at any operation of the disk say what the records say. */
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import type { Database } from "../../temporal/database.js";
import { open } from "../../temporal/open.js";
import { effort } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { drawCrash } from "../harness/torture/image-plan.js";
import { inconsistencies } from "./consistency.js";

const TRANSACTIONS = 60;
const MOST_IMAGES = effort(10);
const WORDS = ["ada", "oslo", "acme", "works", "sleeps", "node"];

function openOn(storage: SimulatedDisk): Database {
  return open("/db", { storage, pageSize: 4096, checkpointBytes: 48 * 1024 });
}

async function write(memory: Memory, random: Random): Promise<void> {
  const words = () => Array.from({ length: 1 + random.below(20) }, () => random.pick(WORDS)).join(" ");
  const known = memory.list({ kind: random.pick(["fact", "entity", "turn"] as const) }).records;
  await memory.transaction((tx) => {
    for (let i = random.below(6); i >= 0; i--) {
      tx.remember({ subject: random.pick(WORDS), predicate: random.pick(WORDS), text: words() });
      tx.addTurn("s", { role: "user", text: words() });
      tx.graph.createEntities([{ name: random.pick(WORDS), entityType: "a", observations: [words()] }]);
      tx.graph.createRelations([{ from: random.pick(WORDS), to: random.pick(WORDS), relationType: "b" }]);
      if (random.chance(0.3)) tx.graph.deleteEntities([random.pick(WORDS)]);
    }
    if (known.length > 0 && random.chance(0.3)) tx.forget(random.pick(known).id);
  });
}

test.each([1, 2])("crashes anywhere, seed %i", { timeout: 300_000 }, async (seed) => {
  const disk = new SimulatedDisk(seed);
  const random = new Random(seed);
  const images: { disk: SimulatedDisk; least: number }[] = [];
  const db = openOn(disk);
  const memory = new Memory(db);
  let acknowledged = 0;
  disk.watcher = (_, when) => {
    if (when !== "before" || !random.chance(0.2)) return;
    images.push({ disk: random.chance(0.25) ? disk.fork() : disk.crash(drawCrash(random)), least: acknowledged });
  };
  for (let i = 0; i < TRANSACTIONS; i++) {
    await write(memory, random);
    acknowledged = db.stats().durableTx;
    if (random.chance(0.08)) await db.checkpoint();
  }
  disk.watcher = undefined;
  db.closeSync();
  expect(images.length).toBeGreaterThan(5);
  while (images.length > MOST_IMAGES) images.splice(random.below(images.length), 1);
  for (const { disk: image, least } of images) {
    const again = openOn(image);
    expect(again.stats().lastTx).toBeGreaterThanOrEqual(least);
    expect(inconsistencies(again)).toEqual([]);
    await write(new Memory(again), random);
    expect(inconsistencies(again)).toEqual([]);
    expect(again.verify().problems).toEqual([]);
    again.closeSync();
  }
});
