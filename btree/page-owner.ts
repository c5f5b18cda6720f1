/**
 * What a tree needs from a write transaction: pages that it may change, new ones, and a way to give pages back. The
 * tree does not know who commits, which pages are shared with snapshots, or where values on extents lie.
 */
import type { PageReader } from "../pager/page-reader.js";

export interface PageOwner {
  readonly reader: PageReader;
  /** The transaction that changed pages belong to. */
  readonly tx: number;
  readonly pageSize: number;
  /** Counts what may take a frame that `own` gave out of its hands, other than changes of the tree itself. */
  readonly turn: number;
  /** The frame of a version of the page that may be changed in place; its header holds the number it has now. */
  own(page: number, crc: number, born: number): number;
  /** True where `own` would not copy. */
  owns(page: number): boolean;
  /** The frame of a new empty node. */
  create(level: number): number;
  /** Writes a page that will not change any more, makes its frame evictable, and returns its checksum. */
  settle(frame: number): number;
  /** Gives a page back that `born` wrote. */
  free(page: number, born: number): void;
  /** Writes a value to extents; puts its descriptor into `into` and returns the descriptor's length. */
  storeValue(value: Uint8Array, length: number, into: Uint8Array): number;
  /** Gives the extents of a value back, and returns how many pages they had. */
  freeValue(descriptor: Uint8Array, at: number): number;
  /** How many pages the extents of a value have. */
  valuePages(descriptor: Uint8Array, at: number): number;
}
