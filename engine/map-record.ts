/**
 * How the map directory records a map. The directory is a tree from name to record; a record is 64 bytes:
 *
 * ```
 *  0  pointer to the root, 24 bytes      28  u64 leaf pages
 * 24  u8 depth                           36  u64 branch pages
 * 25  u8 value format (1 msgpack, 2 json, 3 bytes, 4 string)
 * 26  u16 zero                           44  u64 extent pages
 *                                        52  fields of bounds, 12 bytes, see btree/bounds.ts
 * ```
 *
 * Guarantees: a record that is read is checked, so that damage that got past the checksums ends here.
 */

import { type BoundFields, decodeFields, encodeFields } from "../btree/bounds.js";
import { MAX_DEPTH, Tree } from "../btree/tree.js";
import { LlmdbError } from "../pager/error.js";
import { PageViews, TWO_32 } from "../pager/page.js";
import { readPointer, writePointer } from "../pager/page-pointer.js";
import type { ValueFormat } from "./value.js";

export const RECORD_BYTES = 64;

/** In the directory, a user's map has this byte before its name. */
export const USER_MAP = 0x6d;

const FORMATS: readonly ValueFormat[] = ["msgpack", "json", "bytes", "string"];

/** How a format is stored: 1 to 4. */
export function formatIndex(format: ValueFormat): number {
  return FORMATS.indexOf(format) + 1;
}

/** The format that is stored so, or undefined. */
export function formatAt(index: number): ValueFormat | undefined {
  return FORMATS[index - 1];
}

/** A map as one transaction sees it. */
export interface MapState {
  readonly name: string;
  readonly format: ValueFormat;
  readonly tree: Tree;
  /** The fields whose bounds its branches carry: fixed when the map comes to be. */
  readonly bounds: BoundFields;
}

const scratch = new PageViews(new ArrayBuffer(RECORD_BYTES), 0, RECORD_BYTES);

/** Encodes a record into a buffer that the next call uses again. */
export function encodeRecord(state: MapState): Uint8Array {
  const { u8 } = scratch;
  const { tree } = state;
  u8.fill(0);
  writePointer(scratch, 0, tree.root);
  u8[24] = tree.depth;
  u8[25] = formatIndex(state.format);
  writeCount(28, tree.leafPages);
  writeCount(36, tree.branchPages);
  writeCount(44, tree.extentPages);
  encodeFields(state.bounds, u8, 52);
  return u8;
}

/**
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function decodeRecord(name: string, bytes: Uint8Array, at: number, length: number): MapState {
  const { u8 } = scratch;
  u8.set(bytes.subarray(at, at + RECORD_BYTES));
  const format = formatAt(u8[25]);
  const bounds = decodeFields(u8, 52);
  const tree = new Tree();
  readPointer(scratch, 0, tree.root);
  tree.depth = u8[24];
  if (
    length !== RECORD_BYTES ||
    format === undefined ||
    bounds === undefined ||
    tree.depth > MAX_DEPTH ||
    (tree.depth === 0) !== (tree.root.page === 0)
  ) {
    throw new LlmdbError("LLMDB_CORRUPT", `the record of map "${name}" is damaged; restore a backup`, { map: name });
  }
  tree.bounds = bounds;
  tree.leafPages = readCount(28);
  tree.branchPages = readCount(36);
  tree.extentPages = readCount(44);
  return { name, format, tree, bounds };
}

function writeCount(at: number, count: number): void {
  scratch.u32[at >>> 2] = count % TWO_32;
  scratch.u32[(at >>> 2) + 1] = Math.floor(count / TWO_32);
}

function readCount(at: number): number {
  return scratch.u32[at >>> 2] + scratch.u32[(at >>> 2) + 1] * TWO_32;
}
