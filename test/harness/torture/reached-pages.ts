/**
 * Which pages a meta page reaches, read from the bytes of a file after `docs/format.md`. Guarantees: nothing of the
 * engine is used; a page whose checksum is wrong is told, not followed.
 */
import { crc32 } from "node:zlib";

const META_BYTES = 256;
/** The pages at the start of a file that can be meta pages. */
const META_PAGES = 3;
const MAGIC = "4c4c4d444200" + "1a0a";
const POINTER_BYTES = 24;
const LEAF = 1;
/** A leaf cell whose value lies on extents has this bit in its length. */
const ON_EXTENTS = 0x8000;

/** What is read of a meta page. */
export interface ReadMeta {
  readonly number: number;
  readonly pageSize: number;
  readonly pages: number;
  readonly depth: number;
  readonly rootPage: number;
  readonly rootCrc: number;
  readonly freeList: Buffer;
}

/** The pages that a meta page reaches, and the first thing that is wrong with one of them. */
export interface ReachedPages {
  readonly pages: ReadonlySet<number>;
  readonly problem: string | undefined;
}

/** Reads the meta page at the start of these bytes; undefined where it does not count. */
export function readMeta(bytes: Buffer): ReadMeta | undefined {
  if (bytes.length < META_BYTES || bytes.toString("hex", 0, 8) !== MAGIC) return undefined;
  if (crc32(bytes.subarray(0, META_BYTES - 4)) !== bytes.readUInt32LE(META_BYTES - 4)) return undefined;
  return {
    number: bytes.readUIntLE(104, 6),
    pageSize: bytes.readUInt32LE(12),
    pages: bytes.readUIntLE(48, 6),
    depth: bytes[54],
    rootPage: bytes.readUIntLE(56, 6),
    rootCrc: bytes.readUInt32LE(56 + 8),
    freeList: bytes.subarray(114, 114 + bytes.readUInt16LE(112)),
  };
}

/** The newest meta pages of a file that count: the two that recovery may need, the newest first. */
export function readMetas(file: Buffer, pageSize: number): ReadMeta[] {
  return Array.from({ length: META_PAGES }, (_, page) => file.subarray(page * pageSize, page * pageSize + META_BYTES))
    .map(readMeta)
    .filter((meta) => meta !== undefined)
    .sort((a, b) => b.number - a.number)
    .slice(0, 2);
}

/** Follows all pointers of a meta page. */
export function reachedPages(file: Buffer, meta: ReadMeta): ReachedPages {
  const walk = new Walk(file, meta.pageSize);
  if (meta.freeList.length > 0) walk.extents(meta.freeList);
  if (meta.depth > 0) walk.node(meta.rootPage, meta.rootCrc, (record) => walk.map(record));
  return walk;
}

class Walk implements ReachedPages {
  readonly pages = new Set<number>();
  problem: string | undefined;
  readonly #file: Buffer;
  readonly #pageSize: number;

  constructor(file: Buffer, pageSize: number) {
    this.#file = file;
    this.#pageSize = pageSize;
  }

  /** A node and all below it; `onValue` gets the values that lie in leaves. */
  node(page: number, crc: number, onValue: (value: Buffer) => void): void {
    this.pages.add(page);
    const bytes = this.#file.subarray(page * this.#pageSize, (page + 1) * this.#pageSize);
    if (bytes.length < this.#pageSize || crc32(bytes) !== crc) {
      this.problem ??= `page ${page} has a wrong checksum`;
      return;
    }
    const slotsAt = 32 + Math.ceil(bytes.readUInt16LE(16) / 4) * 4;
    const count = bytes.readUInt16LE(2);
    for (let slot = slotsAt; slot < slotsAt + 8 * count; slot += 8) {
      const cell = bytes.readUInt16LE(slot + 4);
      const tail = Math.max(0, bytes.readUInt16LE(slot + 6) - 4);
      if (bytes[0] === LEAF) this.#value(bytes, cell, tail, onValue);
      else this.node(bytes.readUIntLE(cell, 6), bytes.readUInt32LE(cell + 8), onValue);
    }
  }

  #value(leaf: Buffer, cell: number, tail: number, onValue: (value: Buffer) => void): void {
    const length = leaf.readUInt16LE(cell);
    const start = cell + 2 + tail;
    const stored = leaf.subarray(start, start + (length & (ON_EXTENTS - 1)));
    if (length >= ON_EXTENTS) this.extents(stored);
    else onValue(stored);
  }

  /** A record of the map directory: the pointer to a map. */
  map(record: Buffer): void {
    if (record.length > POINTER_BYTES && record[24] > 0) {
      this.node(record.readUIntLE(0, 6), record.readUInt32LE(8), () => {});
    }
  }

  /** The extents that a descriptor names. */
  extents(descriptor: Buffer): void {
    let left = descriptor.readUInt32LE(0);
    for (let at = 12; at < descriptor.length; at += 14) {
      const start = descriptor.readUIntLE(at, 6);
      const pages = descriptor.readUInt32LE(at + 6);
      for (let page = start; page < start + pages; page++) this.pages.add(page);
      const data = Math.min(pages * this.#pageSize - 32, left);
      const extent = this.#file.subarray(start * this.#pageSize, start * this.#pageSize + 32 + data);
      left -= data;
      if (extent.length < 32 + data || crc32(extent) !== descriptor.readUInt32LE(at + 10)) {
        this.problem ??= `the extent at page ${start} has a wrong checksum`;
      }
    }
  }
}
