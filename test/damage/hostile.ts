/**
 * A database file whose pages a test rewrites as it likes, and whose checksums are then made right again, as an
 * attacker would. Guarantees: after `repair` every pointer on the way from the newest meta page carries the checksum
 * of its page, also where pages lead back to themselves.
 */
import { crc32 } from "node:zlib";
import { cellAt, isOnExtents, nodeCount, nodeLevel, valueAt } from "../../btree/node.js";
import { decodeMeta, encodeMeta, type Meta, metaPosition } from "../../pager/meta.js";
import { FIRST_PAGE, PageViews } from "../../pager/page.js";
import { PAGE_BYTES } from "./image.js";

export class HostileFile {
  readonly bytes: Uint8Array;
  readonly views: PageViews;
  /** Pointers in records are not aligned, so they are reached through this. */
  readonly data: DataView;
  meta: Meta;

  constructor(bytes: Uint8Array) {
    const copy = bytes.slice();
    this.bytes = copy;
    this.views = new PageViews(copy.buffer, 0, copy.length);
    this.data = new DataView(copy.buffer);
    const found = [0, 1, 2].map((page) => decodeMeta(copy.subarray(page * PAGE_BYTES)));
    const metas = found.flatMap((one) => ("meta" in one ? [one.meta] : []));
    metas.sort((a, b) => b.checkpoint - a.checkpoint);
    this.meta = metas[0];
  }

  /** The byte at which the record of the map in a slot of the directory starts. */
  record(slot: number): number {
    return valueAt(this.views, this.meta.directory.page * PAGE_BYTES, slot);
  }

  /** The page that the pointer at a byte names. */
  pageAt(at: number): number {
    return this.data.getUint32(at, true) + this.data.getUint16(at + 4, true) * 2 ** 32;
  }

  /** Lets the pointer at a byte name another page. */
  point(at: number, page: number): void {
    this.data.setUint32(at, page % 2 ** 32, true);
    this.data.setUint16(at + 4, Math.floor(page / 2 ** 32), true);
  }

  /** Changes the number of entries that the pointer at a byte promises. */
  setEntries(at: number, entries: number): void {
    this.data.setUint32(at + 12, entries % 2 ** 32, true);
    this.data.setUint16(at + 16, Math.floor(entries / 2 ** 32), true);
  }

  /** The byte at which the root node of that map starts. */
  root(slot: number): number {
    return this.pageAt(this.record(slot)) * PAGE_BYTES;
  }

  /** The byte at which the pointer to a child of the node at `base` starts, or its cell in a leaf. */
  cell(base: number, slot: number): number {
    return cellAt(this.views, base, slot);
  }

  /** The byte at which a child of the branch at `base` starts. */
  child(base: number, slot: number): number {
    return this.pageAt(this.cell(base, slot)) * PAGE_BYTES;
  }

  /** The first leaf with a value on extents, and its slot. */
  extentValue(slot: number): number {
    let base = this.root(slot);
    while (nodeLevel(this.views, base) > 0) base = this.child(base, 0);
    for (let i = 0; i < nodeCount(this.views, base); i++) {
      if (isOnExtents(this.views, this.cell(base, i))) return valueAt(this.views, base, i);
    }
    throw new Error("no value of the leaf is on extents");
  }

  /** Makes the checksums right from the leaves up, and writes the newest meta page again. */
  repair(): Uint8Array {
    const { directory } = this.meta;
    if (directory.page * PAGE_BYTES < this.bytes.length) {
      const base = directory.page * PAGE_BYTES;
      for (let slot = 0; slot < Math.min(2, nodeCount(this.views, base)); slot++) {
        this.#repairPointer(this.record(slot), new Map(), this.views.u8[this.record(slot) + 24]);
      }
      directory.crc = this.#crc(directory.page);
    }
    this.bytes.set(encodeMeta(this.meta), metaPosition(this.meta.checkpoint, PAGE_BYTES));
    return this.bytes;
  }

  /** `open` are the pages on the way here: one that comes again is given the checksum that was promised for it. */
  #repairPointer(at: number, open: Map<number, number>, depth: number): void {
    const page = this.pageAt(at);
    if (page < FIRST_PAGE || (page + 1) * PAGE_BYTES > this.bytes.length || depth <= 0) return;
    const promised = open.get(page);
    if (promised !== undefined) {
      this.data.setUint32(at + 8, promised, true);
      return;
    }
    const base = page * PAGE_BYTES;
    const promise = 0xc0ffee00 + open.size;
    open.set(page, promise);
    if (nodeLevel(this.views, base) > 0) {
      const count = Math.min(nodeCount(this.views, base), 400);
      for (let slot = 0; slot < count; slot++) {
        const cell = this.cell(base, slot);
        if (cell + 24 <= base + PAGE_BYTES && cell % 4 === 0) this.#repairPointer(cell, open, depth - 1);
      }
    }
    open.delete(page);
    if (this.cyclic.has(page)) this.#force(page, promise);
    this.data.setUint32(at + 8, this.#crc(page), true);
  }

  /** Pages that are on a cycle: their checksum is forced to what was promised, through four bytes that mean nothing. */
  readonly cyclic = new Set<number>();

  #crc(page: number): number {
    return crc32(this.bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES));
  }

  /** Solves for the 32 bits in the unused header bytes 28 to 31 that give a page a certain checksum. */
  #force(page: number, wanted: number): void {
    const at = page * PAGE_BYTES + 28;
    this.bytes.fill(0, at, at + 4);
    const zero = this.#crc(page);
    const rows: { effect: number; bits: number }[] = [];
    for (let bit = 0; bit < 32; bit++) {
      this.bytes[at + (bit >> 3)] ^= 1 << (bit & 7);
      rows.push({ effect: (this.#crc(page) ^ zero) >>> 0, bits: (1 << bit) >>> 0 });
      this.bytes[at + (bit >> 3)] ^= 1 << (bit & 7);
    }
    let rest = (zero ^ wanted) >>> 0;
    let solution = 0;
    for (let bit = 31; bit >= 0; bit--) {
      const mask = (1 << bit) >>> 0;
      const pivot = rows.findIndex(({ effect }) => effect >>> bit === 1);
      if (pivot < 0) continue;
      const [row] = rows.splice(pivot, 1);
      for (const other of rows) {
        if ((other.effect & mask) >>> 0 === 0) continue;
        other.effect = (other.effect ^ row.effect) >>> 0;
        other.bits = (other.bits ^ row.bits) >>> 0;
      }
      if ((rest & mask) >>> 0 !== 0) {
        rest = (rest ^ row.effect) >>> 0;
        solution = (solution ^ row.bits) >>> 0;
      }
    }
    for (let i = 0; i < 4; i++) this.bytes[at + i] = solution >>> (8 * i);
  }
}
