/**
 * The leaf pages of a map in a range, as a source for modules. Guarantees: they are those of the newest committed state
 * when it was made, whatever is written meanwhile.
 */

import { paddedCopy } from "../btree/key-bytes.js";
import { maxKeyBytes } from "../btree/node.js";
import type { ByteSource } from "../engine/byte-source.js";
import type { CommittedState } from "../engine/committed-state.js";
import { copyValue, Entry, findEntry } from "../engine/entry.js";
import { type LeafRun, openLeaves } from "../engine/leaf-run.js";
import { parseRange, type Range } from "../engine/range.js";
import { stillReader, stillSource } from "../engine/still-reader.js";
import type { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import { PageBatch, type PageSource } from "./page-batch.js";

const entry = new Entry();

export class MapPages implements PageSource {
  readonly batch = new PageBatch();
  readonly pageSize: number;
  readonly tx: number;
  readonly micros: number;
  readonly isTemporal = false;
  readonly #store: PageStore;
  readonly #run: LeafRun;
  #still: ByteSource | null = null;

  /** @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_CLOSED`, `LLMDB_CORRUPT` */
  constructor(state: CommittedState, map: string, range: Range | undefined) {
    this.#store = state.store;
    this.pageSize = state.store.pageSize;
    this.#run = openLeaves(state, map, wholeRange(range, this.pageSize));
    this.tx = this.#run.tx;
    this.micros = this.#run.micros;
    this.batch.chunks = this.#run.cache.chunks;
  }

  next(maxPages: number): number {
    const { batch } = this;
    const run = this.#run;
    batch.clear();
    const count = run.next(maxPages);
    const { frames, firsts, ends, cache } = run;
    for (let i = 0; i < count; i++) {
      batch.add(frames[i] >>> cache.shift, cache.base(frames[i]), firsts[i], ends[i]);
    }
    return count;
  }

  /** Leaves no trace: the module that asks may be cut off in the middle. */
  get(key: Uint8Array): Uint8Array | undefined {
    this.#still ??= stillSource(this.#run.source, stillReader(this.#store, this.#run.source.reader));
    const { tree, reader, extents } = this.#still;
    const padded = paddedCopy(key, key.length);
    return findEntry(tree, reader, padded, key.length, entry) ? copyValue(reader, entry, extents) : undefined;
  }

  get isShared(): boolean {
    return this.#run.cache.chunks[0].u8.buffer instanceof SharedArrayBuffer;
  }

  roomFor(pages: number): boolean {
    return pages <= this.#run.cache.maxFrames >>> 2;
  }

  hold(): () => void {
    const { frames, cache, count } = this.#run;
    const held = frames.slice(0, count);
    for (const frame of held) cache.pin(frame);
    return () => {
      for (const frame of held) cache.unpin(frame);
    };
  }

  close(): void {
    this.#run.close();
  }
}

/** Pages come in the order of keys and whole: what turns or counts entries has no place. */
function wholeRange(range: Range | undefined, pageSize: number): ReturnType<typeof parseRange>["bounds"] {
  const { bounds, reverse, limit, offset } = parseRange(range, maxKeyBytes(pageSize));
  if (!reverse && limit === Number.POSITIVE_INFINITY && offset === 0) return bounds;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "a range of pages takes gt, gte, lt, lte and prefix");
}
