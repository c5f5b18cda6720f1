/**
 * Where reads of the store go: the newest committed state, a snapshot, or a running transaction. Guarantees: what is
 * read belongs to one state; an iteration holds the state of the moment it began, except inside a transaction, where it
 * sees what is written ahead of it.
 */
import type { Cursor } from "../btree/cursor.js";
import type { Tree } from "../btree/tree.js";
import type { ByteSource } from "../engine/byte-map.js";
import type { Engine } from "../engine/engine.js";
import type { PinnedView } from "../engine/pinned-view.js";
import { unwatchHandle, watchHandle } from "../engine/view-hold.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { HEAD, HISTORY, HISTORY_BOUNDS, LIVE, MENTIONS, type TemporalMaps, TRANSACTIONS, VALUES } from "./maps.js";
import { horizonOf, txAt } from "./transaction-log.js";

export interface Sources {
  readonly engine: Engine;
  /** The newest committed transaction that is seen, and its time. */
  readonly latestTx: number;
  readonly latestMicros: number;
  /** Whether writes of a transaction that is not committed are seen, and its time. */
  readonly isWriting: boolean;
  readonly ownMicros: number;
  /** Throws where reading is over. */
  requireOpen(): void;
  /** What there is to read; throws where reading is over. */
  maps(): TemporalMaps;
  /** Before this transaction nothing can be asked any more. */
  horizon(): number;
  /** The present, in microseconds since 1970. */
  nowMicros(): number;
  /** Whether a transaction that these do not see, because they are of the past, was at a time or before it. */
  isOvertaken(micros: bigint): boolean;
  /** Keeps the state as it is for an iteration. */
  hold(): HeldSources;
}

/** What an iteration reads from, until it lets go. */
export interface HeldSources extends Sources {
  /** The iteration begins: should it be forgotten, what it holds is let go when it is collected. */
  attach(iterator: object): void;
  /** A cursor of the iteration is to survive writes of the transaction. */
  track(tree: Tree, cursor: Cursor): void;
  release(): void;
}

/** Holds the state for an iteration that `make` begins; where that fails, nothing is held. */
export function iterate<T extends object>(sources: Sources, make: (held: HeldSources) => T): T {
  const held = sources.hold();
  try {
    const iterator = make(held);
    held.attach(iterator);
    return iterator;
  } catch (error) {
    held.release();
    throw error;
  }
}

/** The newest committed state. */
export class CommittedSources implements Sources {
  readonly engine: Engine;
  readonly isWriting = false;
  readonly ownMicros = 0;
  #maps: TemporalMaps | null = null;
  #seenMapChanges = -1;
  /** Looked up again after each commit. */
  #horizon = 0;
  #horizonTx = -1;

  constructor(engine: Engine) {
    this.engine = engine;
  }

  horizon(): number {
    const maps = this.maps();
    if (this.#horizonTx !== this.engine.lastTx) {
      this.#horizon = horizonOf(maps.transactions);
      this.#horizonTx = this.engine.lastTx;
    }
    return this.#horizon;
  }

  get latestTx(): number {
    return this.engine.lastChangeTx;
  }

  get latestMicros(): number {
    return this.engine.lastMicros;
  }

  requireOpen(): void {
    this.engine.requireOpen();
  }

  maps(): TemporalMaps {
    const { engine } = this;
    if (engine.closed) engine.requireOpen();
    if (this.#maps !== null && this.#seenMapChanges === engine.mapChanges) return this.#maps;
    const { reader, extents } = engine.store;
    const maps = mapsOf((name) => {
      const state = engine.directory.get(name);
      return state && { tree: state.tree, reader, extents };
    });
    this.#seenMapChanges = engine.mapChanges;
    this.#maps = maps;
    return maps;
  }

  nowMicros(): number {
    return this.engine.nowMicros();
  }

  isOvertaken(): boolean {
    return false;
  }

  hold(): HeldSources {
    const { engine } = this;
    engine.requireOpen();
    const view = engine.openView(null);
    return new ViewSources(engine, view, () => engine.requireOpen(), true);
  }
}

/** A state that does not change: that of a snapshot, or of an iteration. */
export class ViewSources implements HeldSources {
  readonly engine: Engine;
  readonly isWriting = false;
  readonly ownMicros = 0;
  readonly requireOpen: () => void;
  readonly #view: PinnedView;
  readonly #isOwn: boolean;
  #maps: TemporalMaps | null = null;
  #horizon: number | undefined;

  /** @param isOwn whether the view is closed with the iteration */
  constructor(engine: Engine, view: PinnedView, requireOpen: () => void, isOwn: boolean) {
    this.engine = engine;
    this.requireOpen = requireOpen;
    this.#view = view;
    this.#isOwn = isOwn;
  }

  get latestTx(): number {
    return this.#view.changeTx;
  }

  get latestMicros(): number {
    return this.#view.micros;
  }

  /** Looked up when first asked for: a snapshot of maps alone must not fail where the store is damaged. */
  maps(): TemporalMaps {
    this.requireOpen();
    if (this.#maps !== null) return this.#maps;
    const { directory, snapshot } = this.#view;
    const { reader, store } = snapshot;
    this.#maps = mapsOf((name) => {
      const state = directory?.get(name);
      return state && { tree: state.tree, reader, extents: store.extents };
    });
    return this.#maps;
  }

  nowMicros(): number {
    return Math.max(this.engine.nowMicros(), this.#view.micros);
  }

  isOvertaken(micros: bigint): boolean {
    const { engine, latestTx } = this;
    if (engine.lastChangeTx === latestTx) return false;
    return txAt(new CommittedSources(engine).maps().transactions, micros, engine.lastTx) > latestTx;
  }

  hold(): HeldSources {
    this.requireOpen();
    return this.#isOwn ? new ViewSources(this.engine, this.#view, this.requireOpen, false) : this;
  }

  horizon(): number {
    this.#horizon ??= horizonOf(this.maps().transactions);
    return this.#horizon;
  }

  attach(iterator: object): void {
    if (this.#isOwn) watchHandle(iterator, this.engine, this.#view);
  }

  track(): void {}

  release(): void {
    if (!this.#isOwn) return;
    unwatchHandle(this.#view);
    this.engine.closeView(this.#view);
  }
}

/** What a running transaction sees. */
export class TransactionSources implements Sources {
  readonly engine: Engine;
  readonly isWriting = true;
  readonly ownMicros: number;
  readonly #writer: WriteTransaction;
  #maps: TemporalMaps | null = null;

  constructor(writer: WriteTransaction) {
    this.engine = writer.engine;
    this.ownMicros = writer.micros;
    this.#writer = writer;
  }

  get latestTx(): number {
    return this.engine.lastChangeTx;
  }

  get latestMicros(): number {
    return this.engine.lastMicros;
  }

  requireOpen(): void {
    this.#writer.requireOpen();
  }

  maps(): TemporalMaps {
    this.requireOpen();
    this.#maps ??= this.#look();
    return this.#maps;
  }

  horizon(): number {
    return horizonOf(this.maps().transactions);
  }

  #look(): TemporalMaps {
    const { reader } = this.#writer.writeSet;
    const { extents } = this.engine.store;
    return mapsOf((name): ByteSource => {
      const bounds = name === HISTORY ? HISTORY_BOUNDS : undefined;
      return { tree: this.#writer.map(name, bounds).tree, reader, extents };
    });
  }

  nowMicros(): number {
    return this.ownMicros;
  }

  isOvertaken(): boolean {
    return false;
  }

  hold(): HeldSources {
    return new TransactionIteration(this.#writer);
  }
}

class TransactionIteration extends TransactionSources implements HeldSources {
  readonly #tracked: [Tree, Cursor][] = [];

  attach(): void {}

  track(tree: Tree, cursor: Cursor): void {
    tree.cursors ??= new Set();
    tree.cursors.add(cursor);
    this.#tracked.push([tree, cursor]);
  }

  release(): void {
    for (const [tree, cursor] of this.#tracked) tree.cursors?.delete(cursor);
  }
}

function mapsOf(source: (name: string) => ByteSource | undefined): TemporalMaps {
  return {
    head: source(HEAD),
    live: source(LIVE),
    history: source(HISTORY),
    values: source(VALUES),
    transactions: source(TRANSACTIONS),
    mentions: source(MENTIONS),
  };
}
