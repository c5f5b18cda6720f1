/**
 * The committed states that somebody looks at: those of snapshots and range reads, and the one that a checkpoint
 * writes. Guarantees: a view is of the state that was the newest when it was opened; its pages stay as they are until
 * it is closed, and closing it twice is fine.
 */
import type { Tree } from "../btree/tree.js";
import type { PageStore } from "../mvcc/page-store.js";
import type { Storage } from "../pager/storage.js";
import { MapDirectory } from "./map-directory.js";
import type { PinnedView } from "./pinned-view.js";

/** The newest committed state. */
export interface ViewedState {
  readonly storage: Storage;
  readonly store: PageStore;
  readonly directory: MapDirectory;
  readonly lastTx: number;
  readonly lastChangeTx: number;
  readonly lastMicros: number;
  /** Whether the database is closed, and its pages with it. */
  readonly closed: boolean;
}

export class Views implements Iterable<PinnedView> {
  /** How many were forgotten instead of closed. */
  leaked = 0;
  readonly #state: ViewedState;
  readonly #open = new Set<PinnedView>();

  constructor(state: ViewedState) {
    this.#state = state;
  }

  /** Opens a view of the newest committed state; with `tree`, of one map only. */
  open(tree: Tree | null, isCheckpoint = false): PinnedView {
    const state = this.#state;
    const snapshot = state.store.openReader(state.lastTx);
    const directory = tree === null ? new MapDirectory(snapshot.reader, state.directory.tree.share()) : null;
    const openedMs = state.storage.now();
    const told = { micros: state.lastMicros, changeTx: state.lastChangeTx };
    const view = { snapshot, openedMs, ...told, directory, tree: tree?.share() ?? null, isCheckpoint };
    this.#open.add(view);
    return view;
  }

  close(view: PinnedView): void {
    if (!this.#open.delete(view)) return;
    if (!this.#state.closed) view.snapshot.close();
  }

  /** Closes a view whose handle was collected. */
  closeForgotten(view: PinnedView): void {
    this.leaked++;
    this.close(view);
  }

  /** Closes all but those of checkpoints. */
  closeAll(): void {
    for (const view of this.ofUsers()) this.close(view);
  }

  /** Those that are not of checkpoints. */
  ofUsers(): PinnedView[] {
    return [...this.#open].filter(({ isCheckpoint }) => !isCheckpoint);
  }

  [Symbol.iterator](): Iterator<PinnedView> {
    return this.#open.values();
  }
}
