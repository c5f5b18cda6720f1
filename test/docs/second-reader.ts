/**
 * A reader of database files that was written from `docs/format.md` and knows nothing of the code that writes them. It
 * makes every check that the document asks of a reader, and notes which page is used by what.
 */

import { crc32 } from "node:zlib";
import { Damage, demand } from "./second-damage.js";

const MAGIC = "4c4c4d444200" + "1a0a";
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536];
export const FORMATS = ["", "msgpack", "json", "bytes", "string"];

export interface Pointer {
  page: number;
  flags: number;
  crc: number;
  entries: number;
  tx: number;
}

export interface Checkpoint {
  pageSize: number;
  id: string;
  tx: number;
  timeMicros: number;
  /** Transactions up to that one which only moved pages. */
  moves: number;
  pages: number;
  depth: number;
  root: Pointer;
  previousTx: number;
  number: number;
  /** The anchor in the log that later commits follow; position 0 for none. */
  log: { position: number; crc: number };
  /** The checksum of the meta page. */
  crc: number;
  freeList: Buffer;
}

export interface ReadMap {
  name: string;
  format: string;
  depth: number;
  /** The 12 bytes that say what the map keeps bounds of. */
  fields: Buffer;
  /** Encoded keys and stored bytes of the values, in the order of the file. */
  entries: [Buffer, Buffer][];
}

/** What came up while reading, so that a test can tell what it has seen. */
export interface Seen {
  leaves: number;
  branches: number;
  leafPrefixes: number;
  branchPrefixes: number;
  bounds: number;
  deadBytes: number;
  values: number;
  severalExtents: number;
  freeRuns: number;
  heldRuns: number;
}

/** Bytes of each entry whose least or greatest value branch cells carry. */
interface Field {
  inValue: boolean;
  greatest: boolean;
  start: number;
  bytes: number;
}

/** The fields that 12 bytes stand for. */
export function readFields(bytes: Buffer): Field[] {
  const fields: Field[] = [];
  for (let at = 0; at < 12; at += 3) {
    const [flags, start, length] = bytes.subarray(at, at + 3);
    if (flags === 0) {
      demand(
        bytes.subarray(at).every((byte) => byte === 0),
        "bytes behind the fields are not zero",
      );
      return fields;
    }
    const field = { inValue: (flags & 2) !== 0, greatest: (flags & 4) !== 0, start, bytes: length };
    demand((flags & 1) !== 0 && flags < 8 && length >= 1 && length <= 16, "a field is impossible");
    demand(field.inValue || start >= length, "a field goes on behind the end of a key");
    fields.push(field);
  }
  return fields;
}

/** The value of a field in an entry. */
export function fieldOf({ inValue, start, bytes }: Field, [key, value]: [Buffer, Buffer]): Buffer {
  const from = inValue ? value : key;
  const at = inValue ? start : key.length - start;
  demand(at >= 0 && at + bytes <= from.length, "an entry is too short for the fields of its map");
  return from.subarray(at, at + bytes);
}

/** The bounds of some entries, as a branch cell carries them. */
function boundsOf(fields: Field[], entries: [Buffer, Buffer][]): Buffer {
  const parts = fields.map((field) => {
    const values = entries.map((entry) => fieldOf(field, entry)).sort(Buffer.compare);
    return values[field.greatest ? values.length - 1 : 0];
  });
  return Buffer.concat(parts);
}

/** `u16h u32l` of the document. */
function split48(bytes: Buffer, at: number): number {
  return bytes.readUInt16LE(at) * 2 ** 32 + bytes.readUInt32LE(at + 2);
}

export function u48(bytes: Buffer, at: number): number {
  return bytes.readUIntLE(at, 6);
}

export function u64(bytes: Buffer, at: number): number {
  return Number(bytes.readBigUInt64LE(at));
}

function pad4(n: number): number {
  return Math.ceil(n / 4) * 4;
}

function readPointer(bytes: Buffer, at: number): Pointer {
  return {
    page: u48(bytes, at),
    flags: bytes.readUInt16LE(at + 6),
    crc: bytes.readUInt32LE(at + 8),
    entries: u48(bytes, at + 12),
    tx: split48(bytes, at + 18),
  };
}

/** The checkpoints of a file that count, the newest first. */
export function readCheckpoints(file: Buffer): Checkpoint[] {
  const first = readCheckpoint(file, 0, 0);
  const found = first === undefined ? [] : [first];
  for (const pageSize of first === undefined ? PAGE_SIZES : [first.pageSize]) {
    for (const page of [1, 2]) {
      const other = readCheckpoint(file, page * pageSize, page);
      if (other !== undefined && other.pageSize === pageSize) found.push(other);
    }
  }
  demand(found.length >= 2, "more than one meta page is damaged");
  return found.sort((a, b) => b.number - a.number);
}

function readCheckpoint(file: Buffer, at: number, page: number): Checkpoint | undefined {
  if (file.length < at + 256) return undefined;
  const meta = file.subarray(at, at + 256);
  if (meta.toString("hex", 0, 8) !== MAGIC || crc32(meta.subarray(0, 252)) !== meta.readUInt32LE(252)) return undefined;
  if (meta.readUInt32LE(8) !== 1 || !PAGE_SIZES.includes(meta.readUInt32LE(12))) return undefined;
  if (u48(meta, 104) % 3 !== page) return undefined;
  const length = meta.readUInt16LE(112);
  demand(length === 0 || (length >= 26 && length <= 138), "the descriptor of the free list has a wrong length");
  for (const [from, to] of [
    [38, 40],
    [86, 88],
    [94, 96],
    [110, 112],
    [114 + length, 252],
  ]) {
    demand(
      meta.subarray(from, to).every((byte) => byte === 0),
      `meta bytes ${from} to ${to} are not zero`,
    );
  }
  demand(meta.readUInt32LE(100) <= u48(meta, 32), "more transactions moved pages than there are");
  demand(meta[55] <= 1, "a meta page has unknown flags");
  return {
    pageSize: meta.readUInt32LE(12),
    id: meta.toString("hex", 16, 32),
    tx: u48(meta, 32),
    timeMicros: u64(meta, 40),
    moves: meta.readUInt32LE(100),
    pages: u48(meta, 48),
    depth: meta[54],
    root: readPointer(meta, 56),
    previousTx: u48(meta, 80),
    number: u48(meta, 104),
    log: { position: u48(meta, 88), crc: meta.readUInt32LE(96) },
    crc: meta.readUInt32LE(252),
    freeList: meta.subarray(114, 114 + length),
  };
}

export class SecondReader {
  readonly seen: Seen = {
    leaves: 0,
    branches: 0,
    leafPrefixes: 0,
    branchPrefixes: 0,
    bounds: 0,
    deadBytes: 0,
    values: 0,
    severalExtents: 0,
    freeRuns: 0,
    heldRuns: 0,
  };
  readonly #file: Buffer;
  readonly #checkpoint: Checkpoint;
  readonly #longestKey: number;
  /** By page: what it is used by. */
  readonly #uses = new Map<number, string>();

  constructor(file: Buffer, checkpoint: Checkpoint) {
    this.#file = file;
    this.#checkpoint = checkpoint;
    this.#longestKey = checkpoint.pageSize / 8 + 64;
    demand(checkpoint.pages >= 3 && checkpoint.depth <= 24, "the meta page is out of range");
    demand((checkpoint.depth === 0) === (checkpoint.root.page === 0), "depth and root contradict each other");
  }

  /** All maps, by name as in the directory. */
  maps(): ReadMap[] {
    const { depth, root } = this.#checkpoint;
    const maps: ReadMap[] = [];
    for (const [key, record] of this.#tree(root, depth, "the directory", [])) {
      if (key[0] === 0x6d) maps.push(this.#map(key.toString("utf8", 1), record));
    }
    return maps;
  }

  /** Reads the free list and demands that every page is in exactly one place. Call after {@link maps}. */
  accountForPages(): void {
    const { freeList, pages } = this.#checkpoint;
    if (freeList.length > 0) {
      const bytes = this.#value(freeList, "the list of free pages");
      let at = 0;
      const take = (): number => {
        let value = 0;
        for (let i = 0; i < 7; i++) {
          demand(at < bytes.length, "the free list stops short");
          const byte = bytes[at++];
          value += (byte % 128) * 128 ** i;
          if (byte < 128) return value;
        }
        throw new Damage("an integer of the free list is too long");
      };
      for (const part of ["free", "held"] as const) {
        let page = 0;
        for (let count = take(); count > 0; count--) {
          page += take();
          const length = take();
          demand(length > 0 && page >= 3 && page + length <= pages, "a free run leads outside of the file");
          this.#use(page, length, part);
          page += length;
          this.seen[part === "free" ? "freeRuns" : "heldRuns"]++;
        }
      }
      demand(at === bytes.length, "the free list goes on after its end");
    }
    for (let page = 3; page < pages; page++) demand(this.#uses.has(page), `page ${page} is used by nobody`);
    demand(this.#uses.size === pages - 3, "a page is used that is not in the file");
  }

  #map(name: string, record: Buffer): ReadMap {
    demand(record.length === 64, "a map record has a wrong length");
    const root = readPointer(record, 0);
    const depth = record[24];
    const format = FORMATS[record[25]];
    demand(format !== undefined && format !== "", "a map has an unknown format");
    demand(depth <= 24 && (depth === 0) === (root.page === 0), "depth and root of a map contradict each other");
    demand(record.readUInt16LE(26) === 0, "record bytes not zero");
    const fields = record.subarray(52);
    const before = { ...this.seen };
    const pagesBefore = this.#uses.size;
    const entries = this.#tree(root, depth, `map ${name}`, readFields(fields));
    const leaves = this.seen.leaves - before.leaves;
    const branches = this.seen.branches - before.branches;
    demand(leaves === u64(record, 28) && branches === u64(record, 36), "a map has other pages than its record says");
    demand(this.#uses.size - pagesBefore - leaves - branches === u64(record, 44), "a map has other extents");
    return { name, format, depth, fields, entries };
  }

  #tree(root: Pointer, depth: number, owner: string, fields: Field[]): [Buffer, Buffer][] {
    const entries: [Buffer, Buffer][] = [];
    if (depth > 0) this.#node(root, depth - 1, owner, fields, entries);
    return entries;
  }

  /** Reads a node and what is below; returns whether a value lies on extents. */
  #node(pointer: Pointer, level: number, owner: string, fields: Field[], entries: [Buffer, Buffer][]): boolean {
    const { pageSize, pages } = this.#checkpoint;
    demand(pointer.page >= 3 && pointer.page < pages, "a pointer leads outside of the file");
    demand((pointer.flags & ~2) === 0, "a pointer has unknown flags");
    const page = this.#file.subarray(pointer.page * pageSize, (pointer.page + 1) * pageSize);
    demand(page.length === pageSize && crc32(page) === pointer.crc, `page ${pointer.page} has a wrong checksum`);
    this.#use(pointer.page, 1, owner);
    demand(page[0] === (level === 0 ? 1 : 2) && page[1] === level, "a node has a wrong type or level");
    demand(u48(page, 4) === pointer.page && split48(page, 10) === pointer.tx, "a node is not the one that is named");
    const boundBytes = level === 0 ? 0 : fields.reduce((sum, { bytes }) => sum + bytes, 0);
    demand(page.readUInt16LE(18) === boundBytes, "a node carries other bounds than the fields of its map");
    demand(page.readUInt32LE(28) === 0, "header bytes are not zero");

    const slots = this.#slots(page, level);
    const before = entries.length;
    let onExtents = false;
    for (let i = 0; i < slots.length; i++) {
      const { key, cell, tail } = slots[i];
      if (level > 0) {
        const from = entries.length;
        const below = this.#node(readPointer(page, cell), level - 1, owner, fields, entries);
        onExtents ||= below;
        const inside = entries.slice(from);
        const bounds = page.subarray(cell + 24, cell + 24 + boundBytes);
        demand(bounds.equals(boundsOf(fields, inside)), "bounds are not those of what is below");
        if (boundBytes > 0) this.seen.bounds++;
        const next = slots[i + 1]?.key;
        demand(
          inside.every(([own]) => (i === 0 || own.compare(key) >= 0) && (next === undefined || own.compare(next) < 0)),
          "a key is on the wrong side of a separator",
        );
      } else {
        const length = page.readUInt16LE(cell);
        const stored = page.subarray(cell + 2 + tail, cell + 2 + tail + (length & 0x7fff));
        onExtents ||= length >= 0x8000;
        if (length >= 0x8000) this.seen.values++;
        entries.push([key, length >= 0x8000 ? this.#value(stored, owner) : stored]);
      }
    }
    demand(entries.length - before === pointer.entries, "a pointer counts other entries");
    demand(!onExtents || fields.length === 0, "a value of a map with fields lies on extents");
    demand(!onExtents || (pointer.flags & 2) !== 0, "a pointer does not know of values on extents");
    return onExtents;
  }

  #slots(page: Buffer, level: number): { key: Buffer; cell: number; tail: number }[] {
    const { pageSize } = this.#checkpoint;
    const count = page.readUInt16LE(2);
    const prefixLength = page.readUInt16LE(16);
    const cellStart = page.readUInt32LE(20);
    const dead = page.readUInt32LE(24);
    const slotsAt = 32 + pad4(prefixLength);
    demand(count > 0 && prefixLength <= this.#longestKey, "a node header is out of range");
    demand(slotsAt + 8 * count <= cellStart && cellStart <= pageSize, "slots and cells overlap");
    demand(level === 0 || count > 1 || prefixLength === 0, "a branch with one child has a prefix");
    const prefix = page.subarray(32, 32 + prefixLength);
    demand(
      page.subarray(32 + prefixLength, slotsAt).every((byte) => byte === 0),
      "the padding is not zero",
    );

    const cells: [number, number][] = [];
    const slots = [];
    for (let i = 0; i < count; i++) {
      const at = slotsAt + 8 * i;
      const head = Buffer.alloc(4);
      head.writeUInt32BE(page.readUInt32LE(at));
      const cell = page.readUInt16LE(at + 4);
      const suffix = page.readUInt16LE(at + 6);
      const tail = Math.max(0, suffix - 4);
      const fixed = level === 0 ? 2 : 24 + page.readUInt16LE(18);
      demand(prefixLength + suffix <= this.#longestKey, "a key is too long");
      demand(cell >= cellStart && cell + fixed + tail <= pageSize, "a cell is out of range");
      demand(
        head.subarray(suffix).every((byte) => byte === 0),
        "a head goes on after its key",
      );
      const key = Buffer.concat([prefix, head.subarray(0, suffix), page.subarray(cell + fixed, cell + fixed + tail)]);
      const stored = level === 0 ? page.readUInt16LE(cell) & 0x7fff : 0;
      const bytes = level === 0 ? 2 + tail + stored : pad4(fixed + tail);
      demand(cell + bytes <= pageSize && (level === 0 || cell % 4 === 0), "a cell is out of range");
      demand(level === 0 || i > 0 || (suffix === 0 && head.readUInt32BE() === 0), "the first child has a key");
      const ascends = i <= (level === 0 ? 0 : 1) || key.compare(slots[i - 1].key) > 0;
      demand(ascends, "keys are out of order");
      cells.push([cell, bytes]);
      slots.push({ key, cell, tail });
    }
    cells.sort(([a], [b]) => a - b);
    demand(
      cells.every(([cell], i) => i === 0 || cells[i - 1][0] + cells[i - 1][1] <= cell),
      "cells overlap",
    );
    const used = cells.reduce((sum, [, bytes]) => sum + bytes, 0);
    demand(used + dead === pageSize - cellStart, "dead bytes and cells do not add up");
    let end = slotsAt + 8 * count;
    for (const [from, to] of [...cells.map(([cell, bytes]) => [cell, cell + bytes]), [pageSize, pageSize]]) {
      demand(isZero(page.subarray(end, from)), "bytes of a node that belong to nothing are not zero");
      end = to;
    }

    this.seen[level === 0 ? "leaves" : "branches"]++;
    if (prefixLength > 0) this.seen[level === 0 ? "leafPrefixes" : "branchPrefixes"]++;
    this.seen.deadBytes += dead;
    return slots;
  }

  /** The bytes that a descriptor names. */
  #value(descriptor: Buffer, owner: string): Buffer {
    const { pageSize, pages } = this.#checkpoint;
    demand(descriptor.length >= 26, "a descriptor is too short");
    const length = descriptor.readUInt32LE(0);
    const count = descriptor[4];
    const tx = split48(descriptor, 6);
    demand(count >= 1 && count <= 9 && descriptor[5] === 0, "a descriptor has a wrong count of extents");
    demand(descriptor.length === 12 + 14 * count && length <= 2 ** 30, "a descriptor has a wrong length");
    if (count > 1) this.seen.severalExtents++;
    const parts: Buffer[] = [];
    let left = length;
    for (let i = 0; i < count; i++) {
      const at = 12 + 14 * i;
      const start = u48(descriptor, at);
      const run = descriptor.readUInt32LE(at + 6);
      demand(run > 0 && start >= 3 && start + run <= pages, "an extent leads outside of the file");
      const bytes = Math.min(run * pageSize - 32, left);
      const extent = this.#file.subarray(start * pageSize, start * pageSize + 32 + bytes);
      demand(extent.length === 32 + bytes && crc32(extent) === descriptor.readUInt32LE(at + 10), "extent damaged");
      demand(extent[0] === 3 && u48(extent, 4) === start && split48(extent, 10) === tx, "an extent is another one");
      demand(extent.readUInt32LE(20) === bytes, "an extent has another length");
      const zeros = [extent.subarray(1, 4), extent.subarray(16, 20), extent.subarray(24, 32)];
      demand(
        Buffer.concat(zeros).every((byte) => byte === 0),
        "header bytes of an extent are not zero",
      );
      const rest = this.#file.subarray(start * pageSize + 32 + bytes, (start + run) * pageSize);
      demand(isZero(rest), "bytes behind the data of an extent are not zero");
      this.#use(start, run, owner);
      parts.push(extent.subarray(32));
      left -= bytes;
    }
    demand(left === 0, "a value is longer than its extents");
    return Buffer.concat(parts);
  }

  #use(start: number, length: number, owner: string): void {
    for (let page = start; page < start + length; page++) {
      const other = this.#uses.get(page);
      demand(other === undefined, `page ${page} is in ${other} and in ${owner}`);
      this.#uses.set(page, owner);
    }
  }
}

function isZero(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0);
}
