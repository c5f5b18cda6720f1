/**
 * The states that the store is read from: the newest committed one, a snapshot or an iteration, and a running
 * transaction. Guarantees: those of `sources.ts`.
 */
import type { Cursor } from "../btree/cursor.js";
import type { Tree } from "../btree/tree.js";
import type { ByteSource } from "../engine/byte-source.js";
import type { CommittedState } from "../engine/committed-state.js";
import type { PinnedView } from "../engine/pinned-view.js";
import { unwatchHandle, watchHandle } from "../engine/view-hold.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { HEAD, HISTORY, HISTORY_BOUNDS, LIVE, MENTIONS, type TemporalMaps, TRANSACTIONS, VALUES } from "./maps.js";
import type { HeldSources, Sources } from "./sources.js";
import { horizonOf, txAt } from "./transaction-log.js";

/** The newest committed state. */
export class CommittedSources implements Sources {
  readonly state: CommittedState;
  readonly isWriting = false;
  readonly ownMicros = 0;
  #maps: TemporalMaps | null = null;
  #seenMapChanges = -1;
  /** Looked up again after each commit. */
  #horizon = 0;
  #horizonTx = -1;

  constructor(state: CommittedState) {
    this.state = state;
  }

  horizon(): number {
    const maps = this.maps();
    if (this.#horizonTx !== this.state.lastTx) {
      this.#horizon = horizonOf(maps.transactions);
      this.#horizonTx = this.state.lastTx;
    }
    return this.#horizon;
  }

  get latestTx(): number {
    return this.state.lastChangeTx;
  }

  get latestMicros(): number {
    return this.state.lastMicros;
  }

  requireOpen(): void {
    this.state.requireOpen();
  }

  maps(): TemporalMaps {
    const { state } = this;
    if (state.closed) state.requireOpen();
    if (this.#maps !== null && this.#seenMapChanges === state.mapChanges) return this.#maps;
    const { reader, extents } = state.store;
    const maps = mapsOf((name) => {
      const map = state.directory.get(name);
      return map && { tree: map.tree, reader, extents };
    });
    this.#seenMapChanges = state.mapChanges;
    this.#maps = maps;
    return maps;
  }

  nowMicros(): number {
    return this.state.nowMicros();
  }

  isOvertaken(): boolean {
    return false;
  }

  hold(): HeldSources {
    const { state } = this;
    state.requireOpen();
    const view = state.views.open(null);
    return new ViewSources(state, view, () => state.requireOpen(), true);
  }
}

/** A state that does not change: that of a snapshot, or of an iteration. */
export class ViewSources implements HeldSources {
  readonly state: CommittedState;
  readonly isWriting = false;
  readonly ownMicros = 0;
  readonly requireOpen: () => void;
  readonly #view: PinnedView;
  readonly #isOwn: boolean;
  #maps: TemporalMaps | null = null;
  #horizon: number | undefined;

  /** @param isOwn whether the view is closed with the iteration */
  constructor(state: CommittedState, view: PinnedView, requireOpen: () => void, isOwn: boolean) {
    this.state = state;
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
      const map = directory?.get(name);
      return map && { tree: map.tree, reader, extents: store.extents };
    });
    return this.#maps;
  }

  nowMicros(): number {
    return Math.max(this.state.nowMicros(), this.#view.micros);
  }

  isOvertaken(micros: bigint): boolean {
    const { state, latestTx } = this;
    if (state.lastChangeTx === latestTx) return false;
    return txAt(new CommittedSources(state).maps().transactions, micros, state.lastTx) > latestTx;
  }

  hold(): HeldSources {
    this.requireOpen();
    return this.#isOwn ? new ViewSources(this.state, this.#view, this.requireOpen, false) : this;
  }

  horizon(): number {
    this.#horizon ??= horizonOf(this.maps().transactions);
    return this.#horizon;
  }

  attach(iterator: object): void {
    if (this.#isOwn) watchHandle(iterator, this.state.views, this.#view);
  }

  track(): void {}

  release(): void {
    if (!this.#isOwn) return;
    unwatchHandle(this.#view);
    this.state.views.close(this.#view);
  }
}

/** What a running transaction sees. */
export class TransactionSources implements Sources {
  readonly state: CommittedState;
  readonly isWriting = true;
  readonly ownMicros: number;
  readonly #writer: WriteTransaction;
  #maps: TemporalMaps | null = null;

  constructor(writer: WriteTransaction) {
    this.state = writer.state;
    this.ownMicros = writer.micros;
    this.#writer = writer;
  }

  get latestTx(): number {
    return this.state.lastChangeTx;
  }

  get latestMicros(): number {
    return this.state.lastMicros;
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
    const { extents } = this.state.store;
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
