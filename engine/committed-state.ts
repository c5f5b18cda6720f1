/**
 * The newest committed state of an open database: what handles read, and all that those need that do not write.
 * Guarantees:
 * - It changes as a whole: with a commit, or, for a reader alongside a writer, with a newer checkpoint.
 * - `checkpoint` is the only place that says what the newest meta page on disk is.
 * - What that meta page and the one before reach is pinned.
 */
import { HashIndex } from "../btree/hash-index.js";
import type { Tree } from "../btree/tree.js";
import type { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import type { Meta } from "../pager/meta.js";
import type { Storage } from "../pager/storage.js";
import { DeclaredFormats } from "./declared-formats.js";
import { MapDirectory } from "./map-directory.js";
import { TransactionClock } from "./transaction-clock.js";
import { Views } from "./views.js";

/** What changes as a whole. */
export interface StateVersion {
  readonly store: PageStore;
  readonly directory: MapDirectory;
  readonly checkpoint: Meta;
  readonly lastTx: number;
  readonly lastChangeTx: number;
  readonly lastMicros: number;
}

export class CommittedState implements StateVersion {
  readonly storage: Storage;
  store: PageStore;
  directory: MapDirectory;
  /** What the newest meta page on disk says; set by the checkpoint that wrote it, or by the reader that found it. */
  checkpoint: Meta;
  lastTx: number;
  /** The newest that changed something that is seen; those after it only moved pages. This one is told. */
  lastChangeTx: number;
  lastMicros: number;
  /** Counts maps that came or went, so that handles know when to look again. */
  mapChanges = 0;
  closed = false;
  readonly views: Views;
  /** What handles say of maps that do not exist yet. */
  readonly declared = new DeclaredFormats();
  /** Whether the clock is the storage's. Reading that of a caller may use the database. */
  readonly hasOwnClock: boolean;
  readonly #clock: TransactionClock;

  /** @param clock milliseconds since 1970 UTC; undefined: the storage's */
  constructor(storage: Storage, store: PageStore, meta: Meta, directory: Tree, clock: (() => number) | undefined) {
    const version = versionOf(store, meta, directory);
    this.storage = storage;
    this.store = store;
    this.directory = version.directory;
    this.checkpoint = meta;
    this.lastTx = version.lastTx;
    this.lastChangeTx = version.lastChangeTx;
    this.lastMicros = version.lastMicros;
    this.views = new Views(this);
    this.hasOwnClock = clock === undefined;
    this.#clock = new TransactionClock(clock ?? (() => storage.now()), this);
  }

  requireOpen(): void {
    if (this.closed) throw new LlmdbError("LLMDB_CLOSED", "the database is closed; open it again");
  }

  /** The present, which is never before the last transaction, whatever the clock does. */
  nowMicros(): number {
    return this.#clock.now();
  }

  /**
   * The time of the next transaction.
   *
   * @param given where the caller says when it happened
   * @throws LlmdbError `LLMDB_TIME_ORDER` where it cannot have been then; `LLMDB_INVALID_ARGUMENT` for a broken clock
   */
  nextMicros(given: number | undefined): number {
    return given === undefined ? this.#clock.next() : this.#clock.check(given);
  }

  /** From now on, transactions are after this time: what was known at it is told, and stays. */
  settleTime(micros: number): void {
    this.#clock.settle(micros);
  }

  /** A transaction is committed, and its maps are in the directory; `isOtherMaps`: maps came or went. */
  advance(tx: number, changeTx: number, micros: number, isOtherMaps: boolean): void {
    this.lastTx = tx;
    this.lastChangeTx = changeTx;
    this.lastMicros = micros;
    if (isOtherMaps) this.mapChanges++;
  }

  /** Goes over to a checkpoint of a writer elsewhere. Returns what `restore` takes. */
  replace(store: PageStore, meta: Meta, directory: Tree): StateVersion {
    const { lastTx, lastChangeTx, lastMicros } = this;
    const before = { store: this.store, directory: this.directory, checkpoint: this.checkpoint };
    this.restore(versionOf(store, meta, directory));
    return { ...before, lastTx, lastChangeTx, lastMicros };
  }

  restore(version: StateVersion): void {
    this.store = version.store;
    this.directory = version.directory;
    this.checkpoint = version.checkpoint;
    this.lastTx = version.lastTx;
    this.lastChangeTx = version.lastChangeTx;
    this.lastMicros = version.lastMicros;
    this.mapChanges++;
  }
}

/** The state of a checkpoint, whose pages are pinned from here on. */
function versionOf(store: PageStore, meta: Meta, directory: Tree): StateVersion {
  store.pins.pin(meta.previousTx);
  store.pins.pin(meta.tx);
  return {
    store,
    directory: new MapDirectory(store.reader, directory, new HashIndex(store.cache)),
    checkpoint: meta,
    lastTx: meta.tx,
    lastChangeTx: meta.tx - meta.moves,
    lastMicros: meta.timeMicros,
  };
}
