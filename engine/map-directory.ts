/**
 * The maps of one state of the database: the newest committed one, a snapshot's, or a write transaction's. Guarantees:
 * a map is looked up in the directory tree once and then kept; the state as a whole is named by the directory's root
 * alone.
 */

import { sameFields } from "../btree/bounds.js";
import { type Bounds, Cursor } from "../btree/cursor.js";
import { put, remove } from "../btree/entries.js";
import type { HashIndex } from "../btree/hash-index.js";
import { keyBuffer, padKey } from "../btree/key-bytes.js";
import { cellAt, copyKey, nodeCount, search, storedLength, valueAt } from "../btree/node.js";
import type { PageOwner } from "../btree/page-owner.js";
import { type SealTarget, sealTree } from "../btree/seal.js";
import { findLeaf, type Tree } from "../btree/tree.js";
import { assertInvariant } from "../pager/error.js";
import type { PageViews } from "../pager/page.js";
import { PENDING } from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import { decodeRecord, encodeRecord, type MapState, RECORD_BYTES, USER_MAP } from "./map-record.js";
import { readUtf8 } from "./utf8.js";

const encoder = new TextEncoder();
const WHOLE: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const nameBuffer = keyBuffer(65536);

export class MapDirectory {
  readonly reader: PageReader;
  readonly tree: Tree;
  readonly #states = new Map<string, MapState>();
  readonly #index: HashIndex | null;

  /** @param index finds keys in the maps of the newest committed state */
  constructor(reader: PageReader, tree: Tree, index: HashIndex | null = null) {
    this.reader = reader;
    this.tree = tree;
    this.#index = index;
  }

  /** The state of a map, or undefined where nothing was ever written to it. */
  get(name: string): MapState | undefined {
    const known = this.#states.get(name);
    if (known !== undefined || this.tree.depth === 0) return known;
    const state = this.#read(name);
    if (state !== undefined) this.#keep(state);
    return state;
  }

  /** Takes over the state that a transaction gave a map. */
  adopt(state: MapState): void {
    const known = this.#states.get(state.name);
    const isSame = known !== undefined && known.format === state.format && sameFields(known.bounds, state.bounds);
    if (isSame) known.tree.become(state.tree);
    else this.#keep(state);
  }

  #keep(state: MapState): void {
    if (this.#index !== null) {
      state.tree.index = this.#index;
      state.tree.id = this.#index.nextTreeId();
    }
    this.#states.set(state.name, state);
  }

  /** Forgets a map that was dropped. */
  forget(name: string): void {
    this.#states.delete(name);
  }

  /** The names of all maps, in code point order. */
  names(): string[] {
    const names: string[] = [];
    const cursor = new Cursor(this.tree, this.reader, WHOLE, false);
    const { cache } = this.reader;
    while (cursor.next()) {
      const length = copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, nameBuffer);
      if (nameBuffer[0] === USER_MAP) names.push(readUtf8(nameBuffer, 1, length));
    }
    return names;
  }

  /** Writes the record of a map into the directory tree. */
  record(state: MapState, owner: PageOwner): void {
    const length = encodeName(state.name);
    put(this.tree, owner, nameBuffer, length, encodeRecord(state), RECORD_BYTES);
  }

  /** Takes the record of a map out of the directory tree. */
  erase(name: string, owner: PageOwner): void {
    remove(this.tree, owner, nameBuffer, encodeName(name));
  }

  /** Seals every page of this state, as far as the target lets it. Returns true where nothing is left to seal. */
  seal(target: SealTarget): boolean {
    for (const state of this.#states.values()) sealTree(this.reader, state.tree.root, target);
    return sealTree(this.reader, this.tree.root, target, (views, base) => this.#sealRecords(views, base, target));
  }

  /** Seals the maps whose records a leaf of the directory holds, and notes their checksums in the records. */
  #sealRecords(views: PageViews, base: number, target: SealTarget): boolean {
    let complete = true;
    for (let slot = nodeCount(views, base) - 1; slot >= 0; slot--) {
      const state = decodeRecordAt(views, base, slot);
      if ((state.tree.root.flags & PENDING) === 0) continue;
      if (sealTree(this.reader, state.tree.root, target)) views.u8.set(encodeRecord(state), valueAt(views, base, slot));
      else complete = false;
    }
    return complete;
  }

  #read(name: string): MapState | undefined {
    const length = encodeName(name);
    const frame = findLeaf(this.tree, this.reader, nameBuffer, length);
    const { cache } = this.reader;
    const views = cache.views(frame);
    const base = cache.base(frame);
    const slot = search(views, base, nameBuffer, length);
    return slot < 0 ? undefined : decodeRecordAt(views, base, slot);
  }
}

/** Puts the directory key of a map into `nameBuffer`. */
function encodeName(name: string): number {
  nameBuffer[0] = USER_MAP;
  const { written } = encoder.encodeInto(name, nameBuffer.subarray(1));
  padKey(nameBuffer, written + 1);
  return written + 1;
}

function decodeRecordAt(views: PageViews, base: number, slot: number): MapState {
  const length = copyKey(views, base, slot, nameBuffer);
  const name = readUtf8(nameBuffer, 1, length);
  return decodeRecord(name, views.u8, valueAt(views, base, slot), storedLength(views, cellAt(views, base, slot)));
}

/** The maps of a view of all of them. */
export function requireDirectory({ directory }: { readonly directory: MapDirectory | null }): MapDirectory {
  assertInvariant(directory !== null, "a view of all maps has their directory");
  return directory;
}
