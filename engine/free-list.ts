/**
 * The list of free pages as it is saved with a checkpoint: first the free extents, then those that only the checkpoint
 * before still reaches. Each part is a count and pairs of (gap since the end of the last extent, length), as LEB128
 * integers. Guarantees: a list that is read is sorted, disjoint and inside the file.
 */
import { LlmdbError } from "../pager/error.js";
import { ExtentList } from "../pager/extent-list.js";
import type { ExtentStore } from "../pager/extent-value.js";
import type { Meta } from "../pager/meta.js";
import { FIRST_PAGE } from "../pager/page.js";

/** The most bytes that one LEB128 integer of 48 bits takes. */
const INTEGER_BYTES = 7;

export interface FreeList {
  free: ExtentList;
  held: ExtentList;
}

/** An upper bound for the encoded size of lists with so many extents in all. */
export function freeListBound(extents: number): number {
  return (extents + 1) * 2 * INTEGER_BYTES;
}

export function encodeFreeList(list: FreeList): Uint8Array {
  const bytes = new Uint8Array(freeListBound(list.free.count + list.held.count));
  let at = 0;
  const put = (value: number) => {
    let rest = value;
    while (rest >= 128) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    bytes[at++] = rest;
  };
  for (const part of [list.free, list.held]) {
    put(part.count);
    let end = 0;
    for (let i = 0; i < part.count; i++) {
      put(part.starts[i] - end);
      put(part.lengths[i]);
      end = part.starts[i] + part.lengths[i];
    }
  }
  return bytes.subarray(0, at);
}

/**
 * The list that a meta page leads to.
 *
 * @throws LlmdbError `LLMDB_CORRUPT`, `LLMDB_IO`
 */
export function readFreeList(extents: ExtentStore, { freeList, pages }: Meta): FreeList {
  if (freeList.length === 0) return { free: new ExtentList(), held: new ExtentList() };
  return decodeFreeList(extents.read(freeList, 0), pages);
}

/**
 * @param pages pages of the file
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function decodeFreeList(bytes: Uint8Array, pages: number): FreeList {
  let at = 0;
  const take = (): number => {
    let value = 0;
    let weight = 1;
    for (let i = 0; i < INTEGER_BYTES && at < bytes.length; i++) {
      const byte = bytes[at++];
      value += (byte & 127) * weight;
      if (byte < 128) return value;
      weight *= 128;
    }
    throw damaged();
  };
  const takePart = (): ExtentList => {
    const part = new ExtentList();
    let end = 0;
    for (let count = take(); count > 0; count--) {
      const start = end + take();
      const length = take();
      end = start + length;
      if (start < FIRST_PAGE || length === 0 || end > pages) throw damaged();
      part.add(start, length);
    }
    return part;
  };
  const list = { free: takePart(), held: takePart() };
  if (at !== bytes.length) throw damaged();
  return list;
}

function damaged(): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", "the list of free pages is damaged; open read-only and back the data up");
}
