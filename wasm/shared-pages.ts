/**
 * Pages of a morsel where other threads can read them: where they lie, if the page cache is shared memory and has room
 * to keep them still, else in a copy. Guarantees: until `release` no one changes or moves them.
 */

import { nodeCount } from "../btree/node.js";
import { PageViews } from "../pager/page.js";
import type { PageBatch, PageSource } from "./page-batch.js";
import type { SharedChunk } from "./worker-message.js";

export interface SharedPages {
  readonly count: number;
  readonly entries: number;
  readonly chunks: readonly SharedChunk[];
  readonly places: Int32Array<ArrayBuffer>;
  release(): void;
}

/** Memory for copies. Its number is its own forever, because threads know it by that. */
interface CopyBuffer {
  readonly index: number;
  readonly buffer: SharedArrayBuffer;
}

/** Those that wait to be used again, by their bytes. */
const spare = new Map<number, CopyBuffer[]>();
let buffers = 0;

function takeBuffer(bytes: number): CopyBuffer {
  return spare.get(bytes)?.pop() ?? { index: buffers++, buffer: new SharedArrayBuffer(bytes) };
}

function giveBuffer(one: CopyBuffer): void {
  const { byteLength } = one.buffer;
  const waiting = spare.get(byteLength);
  if (waiting === undefined) spare.set(byteLength, [one]);
  else waiting.push(one);
}

/**
 * Loads up to this many pages and lets others read them.
 *
 * @param atOnce how many such sets may be in use at a time
 */
export function sharePages(source: PageSource, pages: number, atOnce: number): SharedPages {
  return source.isShared && source.roomFor(pages * atOnce) ? sharedInPlace(source, pages) : sharedCopy(source, pages);
}

function sharedInPlace(source: PageSource, pages: number): SharedPages {
  const places = new Int32Array(pages * 4);
  const used = new Map<number, SharedChunk>();
  const holds: (() => void)[] = [];
  const release = () => {
    for (const hold of holds.splice(0)) hold();
  };
  const take = (batch: PageBatch, taken: number) => {
    holds.push(source.hold());
    for (let i = 0; i < batch.count; i++) {
      const chunk = batch.chunkOf[i];
      if (!used.has(chunk)) used.set(chunk, chunkOf(batch.chunks[chunk], chunk));
      const at = (taken + i) * 4;
      places[at] = chunk;
      places[at + 1] = batch.bases[i];
      places[at + 2] = batch.firsts[i];
      places[at + 3] = batch.ends[i];
    }
  };
  const { count, entries } = takeAll(source, pages, take, release);
  return { count, entries, chunks: [...used.values()], places: places.slice(0, count * 4), release };
}

/** Loads up to this many pages; if that fails, releases what was taken. */
function takeAll(
  source: PageSource,
  pages: number,
  take: (batch: PageBatch, taken: number) => void,
  release: () => void,
): { count: number; entries: number } {
  let count = 0;
  let entries = 0;
  try {
    while (count < pages && source.next(pages - count) > 0) {
      take(source.batch, count);
      count += source.batch.count;
      entries += source.batch.entries;
    }
  } catch (error) {
    release();
    throw error;
  }
  return { count, entries };
}

function chunkOf({ u8 }: PageViews, index: number): SharedChunk {
  const { buffer } = u8;
  if (!(buffer instanceof SharedArrayBuffer)) throw new TypeError("the memory of a page is not shared");
  return { index, buffer, at: u8.byteOffset, bytes: u8.length };
}

function sharedCopy(source: PageSource, pages: number): SharedPages {
  const { pageSize } = source;
  const bytes = pages * pageSize;
  const copy = takeBuffer(bytes);
  const { index, buffer } = copy;
  const views = new PageViews(buffer, 0, bytes);
  const places = new Int32Array(pages * 4);
  const release = () => giveBuffer(copy);
  const take = (batch: PageBatch, taken: number) => {
    for (let i = 0; i < batch.count; i++) {
      const base = (taken + i) * pageSize;
      batch.copy(i, pageSize, views.u8, base);
      places.set([index, base, 0, nodeCount(views, base)], (taken + i) * 4);
    }
  };
  const { count, entries } = takeAll(source, pages, take, release);
  const chunks = [{ index, buffer, at: 0, bytes }];
  return { count, entries, chunks, places: places.slice(0, count * 4), release };
}
