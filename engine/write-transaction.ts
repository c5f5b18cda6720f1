/**
 * The state of the running write transaction: its pages, the trees it works on, its savepoints. Guarantees: a tree is
 * forked from the committed one at first use, so that a range read sees later writes; after an error in the middle of a
 * change the transaction (or the savepoint around it) can only be rolled back.
 */
import { isAsyncFunction, isPromise } from "node:util/types";
import { clearRange } from "../btree/clear.js";
import { sealTree } from "../btree/seal.js";
import { beginChange, Tree } from "../btree/tree.js";
import type { Flusher } from "../mvcc/flusher.js";
import type { WriteSet } from "../mvcc/write-set.js";
import { LlmdbError } from "../pager/error.js";
import type { Engine } from "./engine.js";
import { MapDirectory } from "./map-directory.js";
import { formatIndex } from "./map-record.js";
import type { ValueFormat } from "./value.js";

/** A map as the transaction sees it. */
export interface WorkingMap {
  readonly name: string;
  /** Null until the first write to a map that did not exist. */
  format: ValueFormat | null;
  readonly tree: Tree;
  /** Whether the committed state has the map, and in which version of its tree. */
  readonly before: { format: ValueFormat; tree: Tree } | null;
  changed: boolean;
}

interface SavedMap {
  readonly format: ValueFormat | null;
  readonly tree: Tree;
  readonly changed: boolean;
}

const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };

export class WriteTransaction {
  readonly engine: Engine;
  readonly writeSet: WriteSet;
  readonly micros: number;
  /** Set by an error that may have left a change half made. */
  broken: unknown = null;
  /** Whether anything was put: then it may not use the room that is kept for deleting on a full disk. */
  grows = false;
  /** Whether room on the disk was looked for, before the first change. */
  hasRoom = false;
  #over = false;
  #touched = false;
  readonly directory: MapDirectory;
  readonly #maps = new Map<string, WorkingMap>();
  readonly #saved: Map<string, SavedMap>[] = [];

  constructor(engine: Engine, writeSet: WriteSet, micros: number) {
    this.engine = engine;
    this.writeSet = writeSet;
    this.micros = micros;
    this.directory = new MapDirectory(writeSet.reader, engine.directory.tree.fork());
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** The working state of a map. */
  map(name: string): WorkingMap {
    let map = this.#maps.get(name);
    if (map === undefined) {
      const committed = this.engine.directory.get(name);
      const before = committed === undefined ? null : { format: committed.format, tree: committed.tree };
      map = { name, format: before?.format ?? null, tree: before?.tree.fork() ?? new Tree(), before, changed: false };
      this.#maps.set(name, map);
    }
    return map;
  }

  /** Removes a map with all that is in it. Returns false where there is none. */
  drop(name: string): boolean {
    const map = this.map(name);
    if (map.format === null) return false;
    const { operations } = this.engine.journal;
    operations.map(name, formatIndex(map.format));
    operations.drop();
    clearRange(map.tree, this.writeSet, EVERYTHING);
    map.format = null;
    map.changed = true;
    return true;
  }

  /** Runs a body; it must not be async. */
  runBody<T>(body: (tx: this) => T): T {
    if (isAsyncFunction(body)) throw asyncBody();
    const value = body(this);
    if (isPromise(value)) {
      // Whatever it goes on to do will be refused; its outcome is nobody's.
      value.catch(() => {});
      throw asyncBody();
    }
    return value;
  }

  /** Runs a body under a savepoint: an exception undoes what it did. */
  nest<T>(body: (tx: this) => T): T {
    const savepoint = this.writeSet.savepoint();
    const saved = new Map<string, SavedMap>();
    for (const [name, map] of this.#maps) {
      saved.set(name, { format: map.format, tree: map.tree.fork(), changed: map.changed });
    }
    const broken = this.broken;
    const { operations } = this.engine.journal;
    const mark = operations.mark();
    this.#saved.push(saved);
    try {
      const value = this.runBody(body);
      if (this.broken !== null) throw this.broken;
      this.writeSet.release(savepoint);
      return value;
    } catch (error) {
      this.#restore(saved);
      this.writeSet.rollbackTo(savepoint);
      operations.truncate(mark);
      this.broken = broken;
      throw error;
    } finally {
      this.#saved.pop();
    }
  }

  #restore(saved: Map<string, SavedMap>): void {
    for (const [name, map] of this.#maps) {
      const to = saved.get(name) ?? {
        format: map.before?.format ?? null,
        tree: map.before?.tree.fork() ?? new Tree(),
        changed: false,
      };
      if (to.tree.root.page === map.tree.root.page && !map.changed) continue;
      beginChange(map.tree);
      map.tree.become(to.tree);
      map.format = to.format;
      map.changed = to.changed;
    }
  }

  /** Makes the next transaction number exist without a change, so that a checkpoint can release pages. */
  touch(): void {
    this.#touched = true;
  }

  /** Brings the directory up to date. Returns whether anything was written. */
  prepare(): boolean {
    if (this.broken !== null) throw this.broken;
    let changed = this.#touched;
    for (const map of this.#maps.values()) {
      if (!map.changed) continue;
      changed = true;
      this.engine.relieve(this);
      if (map.format === null) this.directory.erase(map.name, this.writeSet);
      else this.directory.record({ name: map.name, format: map.format, tree: map.tree }, this.writeSet);
    }
    return changed;
  }

  /** Hands the new versions to the committed state. Returns whether a map came or went. */
  publish(committed: MapDirectory): boolean {
    let cameOrWent = false;
    committed.tree.become(this.directory.tree);
    for (const { name, format, tree, before, changed } of this.#maps.values()) {
      if (!changed) continue;
      if (format === null) committed.forget(name);
      else committed.adopt({ name, format, tree });
      if (format !== before?.format) cameOrWent = true;
    }
    return cameOrWent;
  }

  /** Seals all pages of the transaction, also those that only a savepoint goes back to. */
  seal(flusher: Flusher): void {
    const { reader } = this.writeSet;
    for (const saved of this.#saved) for (const map of saved.values()) sealTree(reader, map.tree.root, flusher);
    for (const map of this.#maps.values()) sealTree(reader, map.tree.root, flusher);
    this.directory.seal(flusher);
  }

  abandon(): void {
    this.writeSet.abandon();
  }

  /** From here on its handles are refused. */
  end(): void {
    this.#over = true;
  }

  requireOpen(): void {
    if (this.#over) {
      throw new LlmdbError(
        "LLMDB_CLOSED",
        "the transaction is over; use it only inside its body, and do not await there",
      );
    }
  }
}

function asyncBody(): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    "the body of a transaction may not be async or return a promise; await before or after it",
  );
}
