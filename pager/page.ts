/**
 * The header that every page but a meta page starts with, and the numbers that pages are made of. Guarantees: page
 * numbers, transaction ids and counts are 48-bit integers, exact in a double, put together with `*` and `+` and never
 * with 32-bit operators. All integers are little-endian. See docs/format.md for the byte diagrams.
 */

/** Page types, as stored in the first byte of a page. */
export const LEAF = 1;
export const BRANCH = 2;
export const EXTENT = 3;

/** Bytes of the header of a page; cells, slots or extent data follow. */
export const HEADER_BYTES = 32;

/** Offsets in the header. */
export const TYPE = 0;
export const LEVEL = 1;
export const COUNT = 2;
export const PAGE_LOW = 4;
export const PAGE_HIGH = 8;
export const TX_HIGH = 10;
export const TX_LOW = 12;
export const PREFIX_LENGTH = 16;
/** In a branch: how many bytes of bounds follow each pointer. */
export const BOUND_BYTES = 18;
export const CELL_START = 20;
export const DEAD_BYTES = 24;
/** In an extent page: how many bytes of data follow the header. */
export const EXTENT_BYTES = 20;

/** 2^32, to put high and low halves together. */
export const TWO_32 = 4294967296;

/** The largest page number, transaction id or count that the format holds. */
export const MAX_U48 = 2 ** 48 - 1;

/** Page sizes a database may have, in bytes. */
export const PAGE_SIZES: readonly number[] = [4096, 8192, 16384, 32768, 65536];

/** The meta pages come before it. */
export const FIRST_PAGE = 3;

/** Typed views of one stretch of memory that holds whole pages. */
export class PageViews {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  /** Whether other threads can see it. */
  readonly isShared: boolean;

  constructor(buffer: ArrayBufferLike, byteOffset: number, byteLength: number) {
    this.u8 = new Uint8Array(buffer, byteOffset, byteLength);
    this.u16 = new Uint16Array(buffer, byteOffset, byteLength >>> 1);
    this.u32 = new Uint32Array(buffer, byteOffset, byteLength >>> 2);
    this.isShared = buffer instanceof SharedArrayBuffer;
  }
}

/** The page number in the header of the page at byte `base`. */
export function headerPage(views: PageViews, base: number): number {
  return views.u32[(base + PAGE_LOW) >>> 2] + views.u16[(base + PAGE_HIGH) >>> 1] * TWO_32;
}

/** The transaction in the header of the page at byte `base`. */
export function headerTx(views: PageViews, base: number): number {
  return views.u32[(base + TX_LOW) >>> 2] + views.u16[(base + TX_HIGH) >>> 1] * TWO_32;
}

/** Sets page number and transaction in the header of the page at byte `base`. */
export function setHeaderIdentity(views: PageViews, base: number, page: number, tx: number): void {
  views.u32[(base + PAGE_LOW) >>> 2] = page % TWO_32;
  views.u16[(base + PAGE_HIGH) >>> 1] = Math.floor(page / TWO_32);
  views.u32[(base + TX_LOW) >>> 2] = tx % TWO_32;
  views.u16[(base + TX_HIGH) >>> 1] = Math.floor(tx / TWO_32);
}
