/**
 * Bytes stored outside of the tree, on a few extents: large values and the list of free pages.
 *
 * ```
 * descriptor: u32 length | u16 extents | u16 born high | u32 born low | per extent: u32 start low | u16 start high |
 *             u32 pages | u32 crc32
 * extent:     page header (32 bytes, type 3, length of the data at 20) | data
 * ```
 *
 * Guarantees: every extent has its checksum in the descriptor, which covers header and data; reading verifies length,
 * page number and checksum; extents are written as soon as they are filled, to pages that nothing durable reaches; what
 * follows the data on the last pages of an extent is zero.
 */
import { crc32 } from "node:zlib";
import type { LlmdbError } from "./error.js";
import { ExtentList } from "./extent-list.js";
import type { FreeSpace } from "./free-space.js";
import {
  EXTENT,
  EXTENT_BYTES,
  FIRST_PAGE,
  HEADER_BYTES,
  headerPage,
  PageViews,
  setHeaderIdentity,
  TWO_32,
  TYPE,
} from "./page.js";
import { corruptPage } from "./page-cache.js";
import type { StorageFile } from "./storage.js";

/** The most extents of a value. */
export const MAX_EXTENTS = 9;
const FIXED_BYTES = 12;
const PER_EXTENT_BYTES = 14;
/** The longest descriptor. */
export const MAX_DESCRIPTOR_BYTES = FIXED_BYTES + MAX_EXTENTS * PER_EXTENT_BYTES;
/** The longest value: 1 GiB. */
export const MAX_VALUE_BYTES = 1024 * 1024 * 1024;

/** Values up to this size are written with their header in one call. */
const STAGED_BYTES = 256 * 1024;

export class ExtentStore {
  readonly #file: StorageFile;
  readonly #pageSize: number;
  readonly #pageCount: () => number;
  readonly #header = new PageViews(new ArrayBuffer(HEADER_BYTES), 0, HEADER_BYTES);
  #staging = new Uint8Array(0);

  constructor(file: StorageFile, pageSize: number, pageCount: () => number) {
    this.#file = file;
    this.#pageSize = pageSize;
    this.#pageCount = pageCount;
  }

  /** Takes the pages that `length` bytes need. */
  allocate(free: FreeSpace, length: number): ExtentList {
    const list = new ExtentList();
    free.allocateExtents(Math.ceil((length + HEADER_BYTES) / this.#pageSize), MAX_EXTENTS - 1, list);
    // Each further extent has a header of its own.
    if (list.pages * this.#pageSize < length + list.count * HEADER_BYTES) {
      const more = new ExtentList();
      free.allocateExtents(1, 1, more);
      list.addAll(more);
    }
    return list;
  }

  /** Takes the pages as one extent below page `limit`, or returns null. */
  allocateBelow(free: FreeSpace, length: number, limit: number): ExtentList | null {
    const pages = Math.ceil((length + HEADER_BYTES) / this.#pageSize);
    const start = free.allocateBelow(pages, limit);
    if (start < 0) return null;
    const list = new ExtentList();
    list.add(start, pages);
    return list;
  }

  /** Writes `value` to `extents` for transaction `tx`; puts the descriptor into `into` and returns its length. */
  write(value: Uint8Array, length: number, extents: ExtentList, tx: number, into: Uint8Array): number {
    writeU32(into, 0, length);
    into[4] = extents.count;
    into[5] = 0;
    writeU48Split(into, 6, tx);
    let done = 0;
    for (let i = 0; i < extents.count; i++) {
      const capacity = extents.lengths[i] * this.#pageSize - HEADER_BYTES;
      const bytes = Math.min(capacity, length - done);
      const crc = this.#writeExtent(value, done, bytes, extents, i, tx);
      const at = FIXED_BYTES + i * PER_EXTENT_BYTES;
      writeU32(into, at, extents.starts[i] % TWO_32);
      writeU16(into, at + 4, Math.floor(extents.starts[i] / TWO_32));
      writeU32(into, at + 6, extents.lengths[i]);
      writeU32(into, at + 10, crc);
      done += bytes;
    }
    return FIXED_BYTES + extents.count * PER_EXTENT_BYTES;
  }

  /**
   * Reads a value.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where an extent is damaged
   */
  read(descriptor: Uint8Array, at: number): Uint8Array {
    const length = readU32(descriptor, at);
    const value = new Uint8Array(length);
    const count = descriptor[at + 4];
    let done = 0;
    for (let i = 0; i < count; i++) {
      const start = extentStart(descriptor, at, i);
      const pages = extentPages(descriptor, at, i);
      const bytes = Math.min(pages * this.#pageSize - HEADER_BYTES, length - done);
      this.#requireInside(start, pages);
      this.#readExtent(value, done, bytes, start, extentCrc(descriptor, at, i));
      done += bytes;
    }
    return value;
  }

  /**
   * Reads a value as {@link read} does and keeps none of it. Yields how many pages were read, piece by piece.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where an extent is damaged
   */
  *check(descriptor: Uint8Array, at: number): Generator<number, void> {
    let left = readU32(descriptor, at);
    const count = descriptor[at + 4];
    for (let i = 0; i < count; i++) {
      const start = extentStart(descriptor, at, i);
      const pages = extentPages(descriptor, at, i);
      const bytes = Math.min(pages * this.#pageSize - HEADER_BYTES, left);
      this.#requireInside(start, pages);
      yield* this.#checkExtent(start, bytes, extentCrc(descriptor, at, i));
      left -= bytes;
    }
  }

  *#checkExtent(start: number, bytes: number, expected: number): Generator<number, void> {
    const piece = new Uint8Array(Math.min(STAGED_BYTES, HEADER_BYTES + bytes));
    const header = new PageViews(new ArrayBuffer(HEADER_BYTES), 0, HEADER_BYTES);
    const end = HEADER_BYTES + bytes;
    let crc = 0;
    for (let done = 0; done < end; done += piece.length) {
      const wanted = Math.min(piece.length, end - done);
      if (this.#file.read(piece, 0, wanted, start * this.#pageSize + done) !== wanted) throw cutOff(start);
      if (done === 0) header.u8.set(piece.subarray(0, HEADER_BYTES));
      crc = crc32(wanted === piece.length ? piece : piece.subarray(0, wanted), crc);
      yield Math.ceil(wanted / this.#pageSize);
    }
    requireExtent(header, start, bytes, crc, expected);
  }

  #requireInside(start: number, pages: number): void {
    if (start >= FIRST_PAGE && start + pages <= this.#pageCount()) return;
    throw corruptPage(start, "the extent leads outside of the file");
  }

  #writeExtent(value: Uint8Array, from: number, bytes: number, extents: ExtentList, i: number, tx: number): number {
    const start = extents.starts[i];
    const header = this.#header;
    header.u8.fill(0);
    header.u8[TYPE] = EXTENT;
    setHeaderIdentity(header, 0, start, tx);
    header.u32[EXTENT_BYTES >>> 2] = bytes;
    const data = value.subarray(from, from + bytes);
    const position = start * this.#pageSize;
    const end = extents.lengths[i] * this.#pageSize;
    const written = HEADER_BYTES + bytes;
    if (end <= STAGED_BYTES) {
      const staging = this.#stage(end);
      staging.set(header.u8);
      staging.set(data, HEADER_BYTES);
      staging.fill(0, written, end);
      this.#file.write(staging, 0, end, position);
      // Of what was written: the value may be on memory that another thread writes to.
      return crc32(staging.subarray(0, written));
    }
    this.#file.write(header.u8, 0, HEADER_BYTES, position);
    this.#file.write(value, from, bytes, position + HEADER_BYTES);
    this.#writeZeros(position + written, position + end);
    return crc32(data, crc32(header.u8));
  }

  /** Less than a page after a value; more after a list of free pages that has room to grow. */
  #writeZeros(from: number, to: number): void {
    const zeros = new Uint8Array(Math.min(to - from, STAGED_BYTES));
    for (let at = from; at < to; at += zeros.length) {
      this.#file.write(zeros, 0, Math.min(zeros.length, to - at), at);
    }
  }

  #readExtent(value: Uint8Array, at: number, bytes: number, start: number, crc: number): void {
    const header = this.#header;
    const position = start * this.#pageSize;
    let complete: boolean;
    if (HEADER_BYTES + bytes <= STAGED_BYTES) {
      const staging = this.#stage(HEADER_BYTES + bytes);
      complete = this.#file.read(staging, 0, HEADER_BYTES + bytes, position) === HEADER_BYTES + bytes;
      header.u8.set(staging.subarray(0, HEADER_BYTES));
      value.set(staging.subarray(HEADER_BYTES, HEADER_BYTES + bytes), at);
    } else {
      complete =
        this.#file.read(header.u8, 0, HEADER_BYTES, position) === HEADER_BYTES &&
        this.#file.read(value, at, bytes, position + HEADER_BYTES) === bytes;
    }
    if (!complete) throw cutOff(start);
    requireExtent(header, start, bytes, crc32(value.subarray(at, at + bytes), crc32(header.u8)), crc);
  }

  #stage(bytes: number): Uint8Array {
    if (this.#staging.length < bytes) this.#staging = new Uint8Array(Math.min(STAGED_BYTES, bytes * 2));
    return this.#staging;
  }
}

/** Throws where what was read is not the extent that its parent names. */
function requireExtent(header: PageViews, start: number, bytes: number, crc: number, expected: number): void {
  if (crc !== expected) throw corruptPage(start, "the checksum of its extent is not the one its parent holds");
  if (header.u8[TYPE] !== EXTENT || headerPage(header, 0) !== start || header.u32[EXTENT_BYTES >>> 2] !== bytes) {
    throw corruptPage(start, "it is not the extent its parent names");
  }
}

function cutOff(start: number): LlmdbError {
  return corruptPage(start, "the file ends before its extent does");
}

/** The transaction that wrote the value. */
export function valueBorn(descriptor: Uint8Array, at: number): number {
  return readU32(descriptor, at + 8) + readU16(descriptor, at + 6) * TWO_32;
}

/** The pages of a value. */
export function valueExtents(descriptor: Uint8Array, at: number): ExtentList {
  const list = new ExtentList();
  for (let i = 0; i < descriptor[at + 4]; i++) {
    list.starts.push(extentStart(descriptor, at, i));
    list.lengths.push(extentPages(descriptor, at, i));
    list.pages += extentPages(descriptor, at, i);
  }
  return list;
}

/** How many bytes the value of a descriptor has. */
export function bytesOnExtents(descriptor: Uint8Array, at: number): number {
  return readU32(descriptor, at);
}

/** What is wrong with a descriptor of `length` bytes, or undefined. */
export function checkDescriptor(
  descriptor: Uint8Array,
  at: number,
  length: number,
  pageSize: number,
): string | undefined {
  if (length < FIXED_BYTES + PER_EXTENT_BYTES) return "a descriptor of extents is too short";
  const count = descriptor[at + 4];
  if (
    count === 0 ||
    count > MAX_EXTENTS ||
    descriptor[at + 5] !== 0 ||
    length !== FIXED_BYTES + count * PER_EXTENT_BYTES
  ) {
    return "a descriptor of extents has the wrong length";
  }
  const bytes = readU32(descriptor, at);
  let capacity = 0;
  for (let i = 0; i < count; i++) {
    if (extentPages(descriptor, at, i) === 0) return "an extent has no pages";
    capacity += extentPages(descriptor, at, i) * pageSize - HEADER_BYTES;
  }
  if (bytes > MAX_VALUE_BYTES || bytes > capacity) return "a value is longer than its extents";
  return undefined;
}

function extentStart(descriptor: Uint8Array, at: number, i: number): number {
  const entry = at + FIXED_BYTES + i * PER_EXTENT_BYTES;
  return readU32(descriptor, entry) + readU16(descriptor, entry + 4) * TWO_32;
}

function extentPages(descriptor: Uint8Array, at: number, i: number): number {
  return readU32(descriptor, at + FIXED_BYTES + i * PER_EXTENT_BYTES + 6);
}

function extentCrc(descriptor: Uint8Array, at: number, i: number): number {
  return readU32(descriptor, at + FIXED_BYTES + i * PER_EXTENT_BYTES + 10);
}

function readU16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

function writeU16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
}

function readU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function writeU48Split(bytes: Uint8Array, at: number, value: number): void {
  writeU16(bytes, at, Math.floor(value / TWO_32));
  writeU32(bytes, at + 2, value % TWO_32);
}
