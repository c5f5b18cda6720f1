/**
 * One tree on a page store of its own, with nothing of the engine above it. Guarantees: the model beside it sees every
 * change; `check` compares both and walks the tree.
 */
import { type BoundFields, NO_BOUNDS } from "../../btree/bounds.js";
import { BulkBuilder } from "../../btree/bulk.js";
import { checkTree } from "../../btree/check.js";
import { clearRange } from "../../btree/clear.js";
import { type Bounds, Cursor } from "../../btree/cursor.js";
import { put, remove } from "../../btree/entries.js";
import { cellAt, copyKey, nodeCount, nodeLevel } from "../../btree/node.js";
import { sealTree } from "../../btree/seal.js";
import { Tree } from "../../btree/tree.js";
import { validateNode } from "../../btree/validate.js";
import { Flusher } from "../../mvcc/flusher.js";
import { PageStore } from "../../mvcc/page-store.js";
import { WriteSet } from "../../mvcc/write-set.js";
import { fileStorage } from "../../pager/file-storage.js";
import { FreeSpace } from "../../pager/free-space.js";
import { choosePageSource } from "../../pager/mapped-source.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { FIRST_PAGE, type PageViews } from "../../pager/page.js";
import { PagePointer, readPointer } from "../../pager/page-pointer.js";
import { expectSame } from "../harness/index.js";
import { freshPath, mapped } from "../map/fresh.js";

const PADDING = 8;

/** A key followed by the zero bytes that searching wants. */
export function padded(key: Uint8Array): Uint8Array {
  const copy = new Uint8Array(key.length + PADDING);
  copy.set(key);
  return copy;
}

export function keyOf(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** The range from `lower` up to and without `upper`. */
export function between(lower: string | null, upper: string | null): Bounds {
  return {
    lower: lower === null ? null : padded(keyOf(lower)),
    lowerLength: lower?.length ?? 0,
    upper: upper === null ? null : padded(keyOf(upper)),
    upperLength: upper?.length ?? 0,
  };
}

export class TreeBench {
  readonly pageSize: number;
  readonly tree = new Tree();
  readonly model = new Map<string, number>();
  store: PageStore;
  owner: WriteSet;
  #tx = 1;
  readonly #file = mapped ? fileStorage.open(freshPath(), "create") : memoryStorage().open("tree", "create");
  readonly #free = new FreeSpace(FIRST_PAGE);

  constructor(pageSize = 4096, bounds: BoundFields = NO_BOUNDS) {
    this.pageSize = pageSize;
    this.tree.bounds = bounds;
    this.store = this.#newStore();
    this.owner = new WriteSet(this.store, this.#tx);
  }

  put(key: string, valueBytes = 8, value: Uint8Array = new Uint8Array(valueBytes).fill(key.length)): void {
    put(this.tree, this.owner, padded(keyOf(key)), key.length, value, valueBytes);
    this.model.set(key, valueBytes);
  }

  remove(key: string): boolean {
    const there = remove(this.tree, this.owner, padded(keyOf(key)), key.length);
    expectSame(there, this.model.delete(key), `removing ${key}`);
    return there;
  }

  clear(lower: string | null, upper: string | null): number {
    const removed = clearRange(this.tree, this.owner, between(lower, upper));
    let expected = 0;
    for (const key of this.keys()) {
      if ((lower !== null && key < lower) || (upper !== null && key >= upper)) continue;
      this.model.delete(key);
      expected++;
    }
    expectSame(removed, expected, "removed by a clear");
    return removed;
  }

  bulk(keys: readonly string[], valueBytes = 8): void {
    const builder = new BulkBuilder(this.tree, this.owner);
    for (const key of keys) {
      builder.add(padded(keyOf(key)), key.length, new Uint8Array(valueBytes).fill(key.length), valueBytes);
      this.model.set(key, valueBytes);
    }
    builder.finish();
  }

  /** The keys that should be there, in order. */
  keys(): string[] {
    return [...this.model.keys()].sort((a, b) => (a < b ? -1 : 1));
  }

  /** The keys of a range as a cursor finds them. */
  scan(bounds: Bounds = between(null, null), reverse = false): string[] {
    const { reader } = this.owner;
    const cursor = new Cursor(this.tree, reader, bounds, reverse);
    const key = new Uint8Array(this.pageSize);
    const found: string[] = [];
    while (cursor.next()) {
      const { cache } = reader;
      const length = copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, key);
      found.push(Buffer.from(key.subarray(0, length)).toString("latin1"));
    }
    return found;
  }

  /** Compares with the model, walks the tree and counts its pages. */
  check(): void {
    expectSame(this.problems(), [], "problems of the tree");
    expectSame(this.scan(), this.keys(), "keys");
    expectSame(this.tree.root.entries, this.model.size, "entries");
  }

  /** What walking the tree finds wrong with it. */
  problems(): string[] {
    const problems: string[] = [];
    const pages = new Set<number>();
    const { reader } = this.owner;
    const steps = checkTree(this.tree, {
      locate: (page, crc) => {
        const frame = reader.fetch(page, crc);
        return { views: reader.cache.views(frame), base: reader.cache.base(frame), pageSize: this.pageSize };
      },
      visit: (start, length) => {
        for (let page = start; page < start + length; page++) {
          if (pages.has(page)) problems.push(`page ${page} is there twice`);
          pages.add(page);
        }
      },
      problem: (what, page) => problems.push(`${page}: ${what}`),
      readValue: (descriptor, at) => this.store.extents.check(descriptor, at),
      countsPages: true,
    });
    for (const _pages of steps);
    return problems;
  }

  /** Every node of the tree, from the root down; what is yielded holds until the next step. */
  *nodes(): Generator<{ views: PageViews; base: number }> {
    const { cache } = this.owner.reader;
    const waiting = this.tree.depth === 0 ? [] : [this.tree.root];
    for (let pointer = waiting.pop(); pointer !== undefined; pointer = waiting.pop()) {
      const frame = this.owner.reader.fetch(pointer.page, pointer.crc);
      const views = cache.views(frame);
      const base = cache.base(frame);
      for (let slot = 0; nodeLevel(views, base) > 0 && slot < nodeCount(views, base); slot++) {
        waiting.push(readPointer(views, cellAt(views, base, slot), new PagePointer()));
      }
      yield { views, base };
    }
  }

  /** Bytes of keys and values over bytes of leaves. */
  get leafFill(): number {
    let bytes = 0;
    for (const [key, valueBytes] of this.model) bytes += key.length + valueBytes;
    return bytes / (this.tree.leafPages * this.pageSize);
  }

  /** Writes everything and goes on with an empty cache in the next transaction. */
  commit(): void {
    const flusher = new Flusher(this.store);
    this.owner.beginCommit();
    flusher.writeSet = this.owner;
    sealTree(this.owner.reader, this.tree.root, flusher);
    flusher.write(false);
    this.owner.publish();
    this.store = this.#newStore();
    this.owner = new WriteSet(this.store, ++this.#tx);
  }

  /** Pages that the transaction holds or that are free, after everything was given back. */
  get pagesInUse(): number {
    return this.tree.leafPages + this.tree.branchPages + this.tree.extentPages;
  }

  /** Ends the transaction without a commit: all pages must be free. */
  abandon(): { end: number; free: number } {
    this.owner.abandon();
    return { end: this.#free.end, free: this.#free.pages };
  }

  #newStore(): PageStore {
    const source = mapped ? "mmap" : "pread";
    return new PageStore(this.#file, this.pageSize, 64 * 1024 * 1024, this.#free, validateNode, (data) =>
      choosePageSource(data, source),
    );
  }
}
