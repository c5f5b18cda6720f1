/** The watcher of the order of writes: silent in an ordinary run, and not where a sync is left out. */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { WriteOrder } from "../harness/torture/index.js";
import { BrokenDisk, neverSyncs } from "./broken-disk.js";

const PATH = "/order.llmdb";

/** Commits, deletes and checkpoints on a disk that is watched. */
async function watch(disk: SimulatedDisk): Promise<WriteOrder> {
  const order = new WriteOrder(PATH, 4096);
  disk.watcher = (operation, phase) => order.watch(operation, phase);
  const db = open(PATH, { storage: disk, pageSize: 4096, cacheBytes: 0 });
  const map = db.map<number, Uint8Array>("map", { values: "bytes" });
  for (let round = 0; round < 8; round++) {
    for (let key = 0; key < 20; key++) map.putSync(key, new Uint8Array(200 * (key % 8)).fill(round));
    await db.checkpoint();
    map.clearSync({ gte: 5, lt: 5 + round });
    await db.checkpoint();
  }
  await db.compact();
  db.closeSync();
  return order;
}

test("an ordinary run keeps the order", async () => {
  const order = await watch(new SimulatedDisk(1));
  expect(order.violation).toBeUndefined();
  expect(order.checkedWrites).toBeGreaterThan(100);
  expect(order.checkedMetas).toBeGreaterThan(10);
});

test("without syncs, a meta page is written before what it reaches is durable", async () => {
  let syncs = 0;
  // The first two belong to the creation.
  const disk = new BrokenDisk(1, (file, path) => ({
    sync: () => (++syncs > 2 ? undefined : file.sync()),
    syncAsync: neverSyncs(file, path).syncAsync,
  }));
  expect((await watch(disk)).violation?.message).toMatch(/written too early/);
});

test("a write into a page that is reached is found", async () => {
  const disk = new SimulatedDisk(1);
  const order = await watch(disk);
  const file = disk.open(PATH, "write");
  for (let page = 3; page < file.size() / 4096; page++) file.write(new Uint8Array(10), 0, 10, page * 4096);
  expect(order.violation?.message).toMatch(/is written, but a durable meta page reaches it/);
});

test("cutting off a page that is reached is found", async () => {
  const disk = new SimulatedDisk(1);
  const order = await watch(disk);
  disk.open(PATH, "write").truncate(3 * 4096);
  expect(order.violation?.message).toMatch(/is cut off, but a durable meta page reaches it/);
});
