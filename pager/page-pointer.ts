/**
 * A pointer to a page, as branch cells, map records and meta pages hold it: 24 bytes, at an offset divisible by four.
 * Guarantees: the pointer carries the CRC-32 of the page it names, so that a stale, misdirected or rotten page is found
 * when it is read; only a *pending* pointer does not know it yet, and a pending pointer never reaches the disk.
 *
 * ```
 *  0       4     6       8       12         16     18     20      24
 *  | page  | page| flags | crc32 | entries  |entr. | born | born   |
 *  | low   | high|       |       | low      | high | high | low    |
 * ```
 */
import { type PageViews, TWO_32 } from "./page.js";

/** Bytes of a pointer. */
export const POINTER_BYTES = 24;

/** The page was changed after its checksum was last computed. Only in memory. */
export const PENDING = 1;
/** Some leaf below holds a value on extent pages, so dropping the subtree must read its leaves. */
export const HAS_EXTENTS = 2;

/** A pointer outside of a page: the root of a tree. Page 0 stands for an empty tree. */
export class PagePointer {
  page = 0;
  flags = 0;
  crc = 0;
  /** How many entries the leaves below hold. */
  entries = 0;
  /** The transaction that wrote the page. */
  born = 0;

  copyFrom(other: PagePointer): void {
    this.page = other.page;
    this.flags = other.flags;
    this.crc = other.crc;
    this.entries = other.entries;
    this.born = other.born;
  }
}

export function pointerPage(views: PageViews, at: number): number {
  return views.u32[at >>> 2] + views.u16[(at + 4) >>> 1] * TWO_32;
}

export function pointerFlags(views: PageViews, at: number): number {
  return views.u16[(at + 6) >>> 1];
}

export function pointerCrc(views: PageViews, at: number): number {
  return views.u32[(at + 8) >>> 2];
}

export function pointerEntries(views: PageViews, at: number): number {
  return views.u32[(at + 12) >>> 2] + views.u16[(at + 16) >>> 1] * TWO_32;
}

export function pointerBorn(views: PageViews, at: number): number {
  return views.u32[(at + 20) >>> 2] + views.u16[(at + 18) >>> 1] * TWO_32;
}

export function setPointerFlags(views: PageViews, at: number, flags: number): void {
  views.u16[(at + 6) >>> 1] = flags;
}

export function setPointerCrc(views: PageViews, at: number, crc: number): void {
  views.u32[(at + 8) >>> 2] = crc;
}

export function setPointerEntries(views: PageViews, at: number, entries: number): void {
  views.u32[(at + 12) >>> 2] = entries % TWO_32;
  views.u16[(at + 16) >>> 1] = Math.floor(entries / TWO_32);
}

/** Points at another version of the page and marks the checksum as pending; entries and HAS_EXTENTS stay. */
export function setPointerTarget(views: PageViews, at: number, page: number, born: number): void {
  views.u32[at >>> 2] = page % TWO_32;
  views.u16[(at + 4) >>> 1] = Math.floor(page / TWO_32);
  views.u16[(at + 6) >>> 1] |= PENDING;
  views.u32[(at + 8) >>> 2] = 0;
  views.u16[(at + 18) >>> 1] = Math.floor(born / TWO_32);
  views.u32[(at + 20) >>> 2] = born % TWO_32;
}

/** Writes a whole pointer. */
export function writePointer(views: PageViews, at: number, pointer: PagePointer): void {
  setPointerTarget(views, at, pointer.page, pointer.born);
  setPointerFlags(views, at, pointer.flags);
  setPointerCrc(views, at, pointer.crc);
  setPointerEntries(views, at, pointer.entries);
}

/** Reads a whole pointer. */
export function readPointer(views: PageViews, at: number, into: PagePointer): PagePointer {
  into.page = pointerPage(views, at);
  into.flags = pointerFlags(views, at);
  into.crc = pointerCrc(views, at);
  into.entries = pointerEntries(views, at);
  into.born = pointerBorn(views, at);
  return into;
}
