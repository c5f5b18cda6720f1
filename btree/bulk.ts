/**
 * Building a tree from sorted entries: leaves are filled one after the other and branches follow. Guarantees: pages
 * come out full, in key order, with the shortest separators; each page is written once, as soon as it is full, so that
 * memory stays bounded however large the tree is.
 */

import { copyBytes, sharedPrefix } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";
import { headerPage } from "../pager/page.js";
import { PagePointer, writePointer } from "../pager/page-pointer.js";
import { requireFields } from "./bounds.js";
import { keyBuffer, padKey } from "./key-bytes.js";
import { maxInlineBytes, maxKeyBytes, nodeCount, ON_EXTENTS } from "./node.js";
import { createNode, setBounds } from "./node-bounds.js";
import { insertEntry, setStoredLength } from "./node-edit.js";
import type { PageOwner } from "./page-owner.js";
import { entriesBelow, extentsBelow } from "./path.js";
import type { Tree } from "./tree.js";

/** The node being filled at one level, and the separator to its left. */
interface OpenNode {
  frame: number;
  readonly key: Uint8Array;
  length: number;
}

export class BulkBuilder {
  readonly #tree: Tree;
  readonly #owner: PageOwner;
  readonly #open: OpenNode[] = [];
  readonly #lastKey: Uint8Array;
  #lastLength = -1;
  readonly #separator: Uint8Array;
  readonly #descriptor = new Uint8Array(256);
  readonly #pointer = new PagePointer();

  /** @param tree an empty tree; it stays empty until `finish` */
  constructor(tree: Tree, owner: PageOwner) {
    this.#tree = tree;
    this.#owner = owner;
    this.#lastKey = this.#newKey();
    this.#separator = this.#newKey();
  }

  /**
   * Appends an entry.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where the key is not above the one before, or the entry does not hold
   * the fields that the tree keeps bounds of
   */
  add(key: Uint8Array, length: number, value: Uint8Array, valueLength: number): void {
    const shared = sharedPrefix(this.#lastKey, Math.max(0, this.#lastLength), key, length);
    const ascends = length > shared && (shared === this.#lastLength || key[shared] > this.#lastKey[shared]);
    if (this.#lastLength >= 0 && !ascends) {
      throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "a bulk build takes keys in ascending order, each one once");
    }
    const maxInline = maxInlineBytes(this.#owner.pageSize);
    if (this.#tree.bounds.length > 0) requireFields(this.#tree.bounds, length, valueLength, maxInline);
    let stored = value;
    let storedBytes = valueLength;
    let flag = 0;
    if (valueLength > maxInline) {
      stored = this.#descriptor;
      storedBytes = this.#owner.storeValue(value, valueLength, this.#descriptor);
      this.#tree.extentPages += this.#owner.valuePages(this.#descriptor, 0);
      flag = ON_EXTENTS;
    }
    if (this.#open.length === 0) this.#openNode(0);
    if (!this.#addToLeaf(key, length, stored, storedBytes, flag)) {
      // The shortest key that is above the last one and not above this one.
      const separatorLength = Math.min(length, shared + 1);
      this.#separator.set(key.subarray(0, separatorLength));
      padKey(this.#separator, separatorLength);
      this.#turnPage(0, this.#separator, separatorLength);
      this.#addToLeaf(key, length, stored, storedBytes, flag);
    }
    this.#lastKey.set(key.subarray(0, length));
    this.#lastLength = length;
  }

  /** Closes the pages that are still open and gives the tree its root. */
  finish(): void {
    for (let level = 0; level < this.#open.length - 1; level++) this.#handUp(level);
    const top = this.#open.at(-1);
    if (top === undefined) return;
    this.#settle(top.frame, this.#tree.root);
    this.#tree.depth = this.#open.length;
    this.#tree.changes++;
  }

  #newKey(): Uint8Array {
    return keyBuffer(maxKeyBytes(this.#owner.pageSize));
  }

  #openNode(level: number): void {
    this.#open.push({ frame: this.#createNode(level), key: this.#newKey(), length: 0 });
  }

  #createNode(level: number): number {
    if (level === 0) this.#tree.leafPages++;
    else this.#tree.branchPages++;
    return createNode(this.#tree, this.#owner, level);
  }

  #addToLeaf(key: Uint8Array, length: number, stored: Uint8Array, storedBytes: number, flag: number): boolean {
    const cache = this.#owner.reader.cache;
    const { frame } = this.#open[0];
    const views = cache.views(frame);
    const base = cache.base(frame);
    const slot = nodeCount(views, base);
    const at = insertEntry(views, base, this.#owner.pageSize, slot, key, length, storedBytes);
    if (at < 0) return false;
    copyBytes(stored, 0, views.u8, at, storedBytes);
    setStoredLength(views, base, slot, storedBytes | flag);
    return true;
  }

  /** Hands the full node of a level to its parent and opens the next one, which begins at `key`. */
  #turnPage(level: number, key: Uint8Array, length: number): void {
    this.#handUp(level);
    const node = this.#open[level];
    node.frame = this.#createNode(level);
    node.key.set(key.subarray(0, length));
    padKey(node.key, length);
    node.length = length;
  }

  /** Writes the open node of a level and enters it in its parent. */
  #handUp(level: number): void {
    const cache = this.#owner.reader.cache;
    const node = this.#open[level];
    if (this.#open.length === level + 1) this.#openNode(level + 1);
    const parent = this.#open[level + 1];
    let cell = this.#addToBranch(parent.frame, node);
    if (cell < 0) {
      this.#turnPage(level + 1, node.key, node.length);
      cell = this.#addToBranch(parent.frame, node);
    }
    const views = cache.views(parent.frame);
    const base = cache.base(parent.frame);
    setBounds(
      this.#tree.bounds,
      views,
      base,
      nodeCount(views, base) - 1,
      cache.views(node.frame),
      cache.base(node.frame),
    );
    this.#settle(node.frame, this.#pointer);
    writePointer(views, cell, this.#pointer);
  }

  #addToBranch(frame: number, node: OpenNode): number {
    const cache = this.#owner.reader.cache;
    const views = cache.views(frame);
    const base = cache.base(frame);
    return insertEntry(views, base, this.#owner.pageSize, nodeCount(views, base), node.key, node.length, 0);
  }

  /** Fills a pointer to a finished node; after that its frame may be evicted. */
  #settle(frame: number, pointer: PagePointer): void {
    const cache = this.#owner.reader.cache;
    const views = cache.views(frame);
    const base = cache.base(frame);
    pointer.page = headerPage(views, base);
    pointer.born = this.#owner.tx;
    pointer.entries = entriesBelow(views, base);
    pointer.flags = extentsBelow(views, base);
    pointer.crc = this.#owner.settle(frame);
  }
}
