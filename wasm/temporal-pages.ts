/**
 * The facts of a partition at a point, as pages for modules. Guarantees: the same facts give the same pages, whatever
 * their history; they are those of one state, whatever is written meanwhile.
 */
import { paddedCopy } from "../btree/key-bytes.js";
import type { Range } from "../engine/range.js";
import { PageViews } from "../pager/page.js";
import type { At } from "../temporal/at.js";
import { type LeafPack, packLeaves } from "../temporal/leaf-pack.js";
import type { Sources } from "../temporal/sources.js";
import { PageBatch, type PageSource } from "./page-batch.js";

/** Pages that are packed at a time. */
const BATCH_PAGES = 256;

export class TemporalPages implements PageSource {
  readonly batch = new PageBatch();
  readonly pageSize: number;
  readonly tx: number;
  readonly micros: number;
  readonly isTemporal = true;
  /** They are packed again for each batch. */
  readonly isShared = false;
  readonly #pack: LeafPack;
  readonly #pages: Uint8Array;

  /** @throws LlmdbError as `range` of the store does */
  constructor(sources: Sources, partition: number, range: Range | undefined, at: At | undefined) {
    this.#pack = packLeaves(sources, partition, range, at);
    this.pageSize = this.#pack.pageSize;
    this.tx = this.#pack.tx;
    this.micros = this.#pack.micros;
    const bytes = BATCH_PAGES * this.pageSize;
    const views = new PageViews(new ArrayBuffer(bytes), 0, bytes);
    this.batch.chunks = [views];
    this.#pages = views.u8;
  }

  next(maxPages: number): number {
    const { batch, pageSize } = this;
    batch.clear();
    const most = Math.min(maxPages, BATCH_PAGES);
    while (batch.count < most) {
      const base = batch.count * pageSize;
      const entries = this.#pack.next(this.#pages, base);
      if (entries === 0) break;
      batch.add(0, base, 0, entries);
    }
    return batch.count;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const padded = paddedCopy(key, key.length);
    return this.#pack.value(padded, key.length);
  }

  roomFor(): boolean {
    return false;
  }

  hold(): () => void {
    return () => {};
  }

  close(): void {
    this.#pack.close();
  }
}
