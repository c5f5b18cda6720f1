/**
 * Where reads of a map by its bytes go: its tree, in one state, and what reads the pages and the large values of that
 * state.
 */
import { floor, type LeafPlace } from "../btree/floor.js";
import type { Tree } from "../btree/tree.js";
import type { ExtentStore } from "../pager/extent-value.js";
import type { PageReader } from "../pager/page-reader.js";
import type { Entry } from "./entry.js";

export interface ByteSource {
  readonly tree: Tree;
  readonly reader: PageReader;
  readonly extents: ExtentStore;
}

const place: LeafPlace = { frame: 0, slot: 0 };

/**
 * Finds the entry with the largest key that is not above `key`; returns false where there is none. The entry is valid
 * until the next page is loaded.
 */
export function floorEntry(source: ByteSource, key: Uint8Array, length: number, entry: Entry): boolean {
  const { tree, reader } = source;
  if (!floor(tree, reader, key, length, place)) return false;
  entry.set(reader, place.frame, place.slot);
  return true;
}
