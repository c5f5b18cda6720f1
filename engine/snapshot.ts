/**
 * A snapshot: the database as it was after one transaction. Guarantees: it never changes, through commits, checkpoints
 * and compaction, until it is closed; after that its maps are refused.
 */

import { maxKeyBytes } from "../btree/node.js";
import { LlmdbError } from "../pager/error.js";
import type { CommittedState } from "./committed-state.js";
import type { Key } from "./key.js";
import type { IterationHold } from "./map-iterator.js";
import { MapReader, type MapSource } from "./map-reader.js";
import { checkMapOptions, RESERVED_NAMES } from "./options.js";
import type { PinnedView } from "./pinned-view.js";
import { valueCodec } from "./value.js";
import { unwatchHandle, watchHandle } from "./view-hold.js";

/** @internal What a snapshot is inside, for the layers above. */
export interface SnapshotInside {
  readonly state: CommittedState;
  readonly view: PinnedView;
  /** Throws where it is closed. Keeps it from being collected. */
  requireOpen(): void;
}

/** @internal */
export let insideOf: (snapshot: Snapshot) => SnapshotInside;

export class Snapshot {
  static {
    insideOf = (snapshot) => ({
      state: snapshot.state,
      view: snapshot.view,
      requireOpen: () => snapshot.requireOpen(),
    });
  }

  /** The newest transaction that it sees. */
  readonly tx: number;
  /** @internal */
  protected readonly state: CommittedState;
  /** @internal */
  protected readonly view: PinnedView;
  #open = true;

  /** @internal Use `db.snapshot`. */
  constructor(state: CommittedState) {
    state.requireOpen();
    this.state = state;
    this.view = state.views.open(null);
    this.tx = this.view.changeTx;
    watchHandle(this, state.views, this.view);
  }

  /**
   * A map as it was.
   *
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_INVALID_ARGUMENT`
   */
  map<K extends Key = Key, V = unknown>(name: string): MapReader<K, V> {
    this.requireOpen();
    checkMapOptions(name, undefined, maxKeyBytes(this.state.store.pageSize) - 1);
    return new SnapshotMap<K, V>(this.state, this.view, name, () => this.requireOpen());
  }

  /** The names of its maps. Throws as `map`. */
  mapNames(): string[] {
    this.requireOpen();
    return (this.view.directory?.names() ?? []).filter((name) => !name.startsWith(RESERVED_NAMES));
  }

  /** Lets its pages go. Closing twice is fine. */
  close(): void {
    if (!this.#open) return;
    this.#open = false;
    unwatchHandle(this.view);
    this.state.views.close(this.view);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** @internal */
  protected requireOpen(): void {
    this.state.requireOpen();
    if (!this.#open) throw new LlmdbError("LLMDB_CLOSED", "the snapshot is closed; open another with db.snapshot()");
  }
}

class SnapshotMap<K extends Key, V> extends MapReader<K, V> {
  readonly #source: MapSource | undefined;
  readonly #requireOpen: () => void;

  constructor(state: CommittedState, view: PinnedView, name: string, requireOpen: () => void) {
    super(state);
    this.#requireOpen = requireOpen;
    const map = view.directory?.get(name);
    const { reader, store } = view.snapshot;
    this.#source = map && { tree: map.tree, reader, extents: store.extents, codec: valueCodec(map.format) };
  }

  protected override source(): MapSource | undefined {
    this.#requireOpen();
    return this.#source;
  }

  protected override hold(source: MapSource): IterationHold {
    // The snapshot itself holds the pages.
    return {
      tree: source.tree,
      reader: source.reader,
      attach: () => {},
      requireOpen: this.#requireOpen,
      release: () => {},
    };
  }
}
