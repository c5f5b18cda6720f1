/**
 * The state of the running write transaction: its pages, the trees it works on, its savepoints. Guarantees: a tree is
 * forked from the committed one at first use, so that a range read sees later writes; after an error in the middle of a
 * change the transaction (or the savepoint around it) can only be rolled back.
 */
import { isAsyncFunction } from "node:util/types";
import { areFields, type BoundFields, NO_BOUNDS, sameFields } from "../btree/bounds.js";
import { clearRange } from "../btree/clear.js";
import { prefixBounds, scrubRange } from "../btree/scrub.js";
import { sealTree } from "../btree/seal.js";
import { beginChange, Tree } from "../btree/tree.js";
import type { Flusher } from "../mvcc/flusher.js";
import type { WriteSet } from "../mvcc/write-set.js";
import { LlmdbError } from "../pager/error.js";
import type { OperationBuffer } from "../wal/operation-buffer.js";
import { ChangeCapture } from "./change-capture.js";
import type { CommittedState } from "./committed-state.js";
import { MapDirectory } from "./map-directory.js";
import { formatIndex } from "./map-record.js";
import type { Occupant, Room } from "./room.js";
import type { ValueFormat } from "./value.js";
import { WorkingMap } from "./working-map.js";

/** What a transaction works with. */
export interface TransactionHost {
  readonly state: CommittedState;
  /** Room on the disk, in the log and in the cache. */
  readonly room: Room;
  /** Takes what the transaction does; empty. */
  readonly operations: OperationBuffer;
}

/**
 * What looks at a transaction before it commits: it sees what that changes in the maps that it watches, and may add
 * writes of its own, or throw. It is asked once a transaction, in the middle of its commit, and only where something in
 * a watched map was touched; what it throws rolls the whole transaction back; it is not asked when the log is done
 * again.
 */
export interface CommitWatcher {
  /** Whether changes of a map are to be noted. Asked once for each map that a transaction looks at. */
  watches(map: string): boolean;
  /**
   * Called when the body of the transaction has returned. It may write maps through `writer` and nest; the bitemporal
   * store has written its row by now and takes no more. It must not be async.
   */
  beforeCommit(writer: WriteTransaction, capture: ChangeCapture): void;
}

/** What a layer above keeps beside the maps of a transaction. */
export interface TransactionExtension {
  /** Notes where it is, for a savepoint. */
  mark(): number;
  /** Goes back to a mark, or with -1 to where it began. */
  restore(mark: number): void;
  /** Before the commit: writes what is still to be written. `changed` says whether any map was. */
  prepare(changed: boolean): void;
}

interface SavedMap {
  readonly format: ValueFormat | null;
  readonly tree: Tree;
  readonly changed: boolean;
  readonly watched: number;
}

const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };

export class WriteTransaction implements Occupant {
  readonly state: CommittedState;
  /** What it does, for the log. */
  readonly operations: OperationBuffer;
  readonly writeSet: WriteSet;
  /** Its time, which is also its present: later than that of the transaction before. */
  micros: number;
  /** The newest transaction, up to this one, that changes something that is seen. */
  changeTx: number;
  /** Set by an error that may have left a change half made. */
  broken: unknown = null;
  /** Whether anything was put: then it may not use the room that is kept for deleting on a full disk. */
  grows = false;
  /** Whether room on the disk was looked for, before the first change. */
  hasRoom = false;
  /** Written through by a layer above. */
  extension: TransactionExtension | null = null;
  /** Who looks at its changes before it commits; nobody, where the log is done again. */
  watcher: CommitWatcher | null = null;
  #capture: ChangeCapture | null = null;
  #over = false;
  #touched = false;
  #erases = false;
  readonly directory: MapDirectory;
  readonly #room: Room;
  readonly #maps = new Map<string, WorkingMap>();
  readonly #saved: Map<string, SavedMap>[] = [];

  constructor({ state, room, operations }: TransactionHost, writeSet: WriteSet, micros: number) {
    this.state = state;
    this.operations = operations;
    this.writeSet = writeSet;
    this.micros = micros;
    this.changeTx = writeSet.tx;
    this.directory = new MapDirectory(writeSet.reader, state.directory.tree.fork());
    this.#room = room;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /**
   * The working state of a map.
   *
   * @param bounds what the map keeps bounds of, where it does not exist yet
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where these are no fields
   */
  map(name: string, bounds: BoundFields = NO_BOUNDS): WorkingMap {
    let map = this.#maps.get(name);
    if (map === undefined) {
      map = new WorkingMap(name, this.state.directory.get(name) ?? null);
      if (this.watcher?.watches(name) === true) {
        this.#capture ??= new ChangeCapture();
        map.watch = this.#capture.watch(map, this.state.store, this.writeSet.reader);
      }
      this.#maps.set(name, map);
    }
    if (map.format === null && bounds.length > 0) {
      if (!areFields(bounds)) throw noFields();
      map.tree.bounds = bounds;
    }
    return map;
  }

  /** Before a change: sees to it that there is room for it, on the disk and in the cache. */
  relieve(): void {
    this.#room.relieve(this);
  }

  /** Removes a map with all that is in it. Returns false where there is none. */
  drop(name: string): boolean {
    const map = this.map(name);
    if (map.format === null) return false;
    const { operations } = this;
    operations.map(name, formatIndex(map.format), map.bounds);
    operations.drop();
    clearRange(map.tree, this.writeSet, EVERYTHING);
    map.watch?.noteRange(EVERYTHING);
    map.tree.bounds = NO_BOUNDS;
    map.format = null;
    map.changed = true;
    return true;
  }

  /**
   * Takes what is left of removed keys out of the branches of a map: all that start with `prefix`, an encoded key or
   * the beginning of one, must be gone. In the log it is a clear of what starts with the prefix.
   */
  scrub(name: string, prefix: Uint8Array): void {
    const map = this.map(name);
    const bounds = prefixBounds(prefix, prefix.length);
    if (bounds === null || map.format === null) return;
    this.relieve();
    const { changes } = map.tree;
    try {
      scrubRange(map.tree, this.writeSet, bounds);
    } catch (error) {
      if (map.tree.changes !== changes) this.broken ??= error;
      throw error;
    }
    map.changed = true;
    const { operations } = this;
    operations.map(name, formatIndex(map.format), map.bounds);
    operations.clear(bounds.lower, bounds.lowerLength, bounds.upper, bounds.upperLength);
  }

  /**
   * From this commit on: what was removed up to it is overwritten in the data file and in the log by the next
   * checkpoint, whatever the database was opened with. Where a snapshot or a reader in another process keeps pages that
   * were freed before, by the first checkpoint after it is closed. Keys that were removed may be left in branches: see
   * `scrub`.
   */
  requireErasure(): void {
    this.#erases = true;
    this.#touched = true;
    this.operations.erase();
  }

  get erases(): boolean {
    return this.#erases;
  }

  /** Runs a body; it must not be async. */
  runBody<T>(body: (tx: this) => T): T {
    if (isAsyncFunction(body)) throw asyncBody();
    const value = body(this);
    if (!isThenable(value)) return value;
    // Whatever it goes on to do will be refused; its outcome is nobody's.
    if (value instanceof Promise) value.catch(() => {});
    throw asyncBody();
  }

  /** Runs a body under a savepoint: an exception undoes what it did. */
  nest<T>(body: (tx: this) => T): T {
    const savepoint = this.writeSet.savepoint();
    const saved = new Map<string, SavedMap>();
    for (const [name, map] of this.#maps) {
      const watched = map.watch?.mark() ?? 0;
      saved.set(name, { format: map.format, tree: map.tree.fork(), changed: map.changed, watched });
    }
    const { broken } = this;
    const erases = this.#erases;
    const { operations } = this;
    const mark = operations.mark();
    const extensionMark = this.extension?.mark() ?? -1;
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
      this.extension?.restore(extensionMark);
      this.broken = broken;
      this.#erases = erases;
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
        watched: 0,
      };
      if (to.tree.root.page === map.tree.root.page && !map.changed) continue;
      beginChange(map.tree);
      map.tree.become(to.tree);
      map.format = to.format;
      map.changed = to.changed;
      map.watch?.restore(to.watched);
    }
  }

  /** Commits although no map changes. */
  touch(): void {
    this.#touched = true;
  }

  /**
   * Commits, without a change that is seen: it moves pages, or only takes a number, so that checkpoints can release
   * pages. Its time is that of the transaction before, which remains the newest to those who ask.
   */
  move(): void {
    this.#touched = true;
    this.changeTx = this.state.lastChangeTx;
    this.micros = this.state.lastMicros;
  }

  /** Asks who watches, and brings the directory up to date. Returns whether anything was written. */
  prepare(): boolean {
    if (this.broken !== null) throw this.broken;
    if (this.extension !== null) {
      this.extension.prepare(this.#isChanged);
      if (this.broken !== null) throw this.broken;
    }
    if (this.watcher !== null && this.#capture?.isTouched === true) {
      this.watcher.beforeCommit(this, this.#capture);
      if (this.broken !== null) throw this.broken;
    }
    let changed = this.#touched;
    for (const map of this.#maps.values()) {
      if (!map.changed) continue;
      changed = true;
      this.relieve();
      if (map.format === null) this.directory.erase(map.name, this.writeSet);
      else
        this.directory.record(
          { name: map.name, format: map.format, tree: map.tree, bounds: map.bounds },
          this.writeSet,
        );
    }
    return changed;
  }

  get #isChanged(): boolean {
    for (const map of this.#maps.values()) if (map.changed) return true;
    return false;
  }

  /** Hands the new versions to the committed state. Returns whether a map came or went. */
  publish(committed: MapDirectory): boolean {
    let cameOrWent = false;
    committed.tree.become(this.directory.tree);
    for (const { name, format, tree, bounds, before, changed } of this.#maps.values()) {
      if (!changed) continue;
      // Compared first: adopting turns the tree of before into this one.
      const isSame = format === before?.format && sameFields(bounds, before?.tree.bounds ?? NO_BOUNDS);
      if (format === null) {
        committed.forget(name);
        this.state.declared.forget(name);
      }
      if (format !== null) committed.adopt({ name, format, tree, bounds });
      if (!isSame) cameOrWent = true;
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

function noFields(): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    "a map keeps bounds of at most 4 fields of 1 to 16 bytes, at offsets of 0 to 255, and inside of the key",
  );
}

/** What `await` would wait for: promises, and what libraries have in their place. */
function isThenable(value: unknown): boolean {
  if (value === null || (typeof value !== "object" && typeof value !== "function")) return false;
  return "then" in value && typeof value.then === "function";
}

function asyncBody(): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    "the body of a transaction may not be async or return a promise; await before or after it",
  );
}
