/** The leaf pages of a map as they lie in a file, and what is in them: the input of map_pages and reduce_pages. */
import { type Database, open } from "../../index.js";
import { readCheckpoints, SecondReader, u48 } from "../docs/second-reader.js";
import { SimulatedDisk } from "../harness/index.js";

export interface Leaves {
  readonly pageSize: number;
  readonly pages: readonly Buffer[];
  /** Key and value of every entry, encoded, in order; large values whole. */
  readonly entries: readonly (readonly [Buffer, Buffer])[];
}

/** The leaves of the map "m", after `fill` wrote to it. */
export async function leavesOf(fill: (db: Database) => void, pageSize: 4096 | 65536 = 4096): Promise<Leaves> {
  const storage = new SimulatedDisk();
  const db = open("leaves.llmdb", { storage, pageSize });
  fill(db);
  await db.close();
  const opened = storage.open("leaves.llmdb", "read");
  const file = Buffer.alloc(opened.size());
  opened.read(file, 0, file.length, 0);
  opened.close();
  const [checkpoint] = readCheckpoints(file);
  const page = (number: number): Buffer => file.subarray(number * pageSize, (number + 1) * pageSize);
  const [record] = leavesBelow(page, checkpoint.root.page).flatMap(recordsIn);
  const { entries } = new SecondReader(file, checkpoint).maps()[0];
  return { pageSize, pages: leavesBelow(page, u48(record, 0)), entries };
}

/** What is cut to a range: the entries `from` up to `to` of a leaf, as the host makes it. */
export function cutLeaf(leaf: Buffer, from: number, to: number): Buffer {
  const cut = Buffer.from(leaf);
  const slots = slotsAt(leaf);
  leaf.copy(cut, slots, slots + 8 * from, slots + 8 * to);
  cut.writeUInt16LE(to - from, 2);
  return cut;
}

export function countIn(leaf: Buffer): number {
  return leaf.readUInt16LE(2);
}

export function headsIn(leaf: Buffer): number[] {
  return Array.from({ length: countIn(leaf) }, (_, i) => leaf.readUInt32LE(slotsAt(leaf) + 8 * i));
}

function slotsAt(node: Buffer): number {
  return 32 + ((node.readUInt16LE(16) + 3) & -4);
}

function cellsIn(node: Buffer): number[] {
  return Array.from({ length: countIn(node) }, (_, i) => node.readUInt16LE(slotsAt(node) + 8 * i + 4));
}

function leavesBelow(page: (number: number) => Buffer, root: number): Buffer[] {
  const node = page(root);
  if (node[0] === 1) return [node];
  return cellsIn(node).flatMap((cell) => leavesBelow(page, u48(node, cell)));
}

/** The map records in a leaf of the directory: the last 64 bytes of each cell. */
function recordsIn(leaf: Buffer): Buffer[] {
  return cellsIn(leaf).map((cell, i) => {
    const tail = Math.max(0, leaf.readUInt16LE(slotsAt(leaf) + 8 * i + 6) - 4);
    return leaf.subarray(cell + 2 + tail, cell + 2 + tail + 64);
  });
}
