/**
 * `stats()`: what there is and what it costs. Guarantees: no tree is walked; counts are kept as the trees change.
 */
import type { CommittedState } from "./committed-state.js";
import type { Engine } from "./engine.js";
import type { PinnedView } from "./pinned-view.js";

/** Figures of an open database. Sizes are in bytes. */
export interface DatabaseStats {
  pageSize: number;
  /** Pages of the file, used and free. */
  pages: number;
  /** Pages that can be used at once. */
  freePages: number;
  fileBytes: number;
  /** Bytes of the log file; 0 while there is none. */
  walBytes: number;
  /** Bytes of the page cache that have been taken so far. */
  cacheBytes: number;
  /** Pages that were found in the cache, and that were not. */
  cacheHits: number;
  cacheMisses: number;
  /** The newest transaction, and the newest that a power cut cannot take. */
  lastTx: number;
  durableTx: number;
  /** Checkpoints since the database was opened. */
  checkpoints: number;
  /**
   * How often a write waited for a checkpoint because the log, or the cache with pages that are not written yet, was
   * full; and for how long in all. Raise `checkpointBytes` or `cacheBytes` where that is often.
   */
  stalls: { logFull: number; cacheFull: number; ms: number };
  /** Open snapshots and running range reads. */
  openSnapshots: number;
  /** Of those, how many were forgotten and had to be collected, since the database was opened. */
  leakedSnapshots: number;
  /** The oldest of them, its age, and the pages that it alone keeps from being used again. */
  oldestSnapshot?: { tx: number; ageMs: number; retainedPages: number };
  maps: Record<string, MapStats>;
}

/** Figures of one map. */
export interface MapStats {
  entries: number;
  depth: number;
  leafPages: number;
  branchPages: number;
  overflowPages: number;
}

export function engineStats(engine: Engine): DatabaseStats {
  const { state, checkpointer, room } = engine;
  const { store, views } = state;
  store.reclaim();
  const stats: DatabaseStats = {
    pageSize: store.pageSize,
    pages: store.free.end,
    freePages: store.free.pages,
    fileBytes: store.data.file.size(),
    walBytes: engine.journal.log?.space.fileBytes ?? 0,
    cacheBytes: store.cache.bytes,
    cacheHits: Math.max(0, store.cache.fetches - store.cache.misses),
    cacheMisses: store.cache.misses,
    lastTx: state.lastChangeTx,
    durableTx: durableTx(engine),
    checkpoints: checkpointer.count,
    stalls: { ...room.stalls },
    openSnapshots: views.ofUsers().length,
    leakedSnapshots: views.leaked,
    maps: mapStats(state),
  };
  const oldest = oldestOf(views.ofUsers());
  if (oldest !== undefined) {
    stats.oldestSnapshot = {
      tx: oldest.changeTx,
      ageMs: Math.max(0, state.storage.now() - oldest.openedMs),
      retainedPages: store.retired.heldBy(oldest.snapshot.tx),
    };
  }
  return stats;
}

/** Where the newest durable transaction only moved pages: the last before it that did more. */
function durableTx({ durableTx, state }: Engine): number {
  const { tx, moves } = state.checkpoint;
  return durableTx === tx ? tx - moves : Math.min(durableTx, state.lastChangeTx);
}

function oldestOf(views: readonly PinnedView[]): PinnedView | undefined {
  let oldest: PinnedView | undefined;
  for (const view of views) {
    if (oldest === undefined || view.snapshot.tx < oldest.snapshot.tx) oldest = view;
  }
  return oldest;
}

function mapStats({ directory }: CommittedState): Record<string, MapStats> {
  const maps: [string, MapStats][] = [];
  for (const name of directory.names()) {
    const tree = directory.get(name)?.tree;
    if (tree === undefined) continue;
    const { depth, leafPages, branchPages, extentPages } = tree;
    maps.push([name, { entries: tree.root.entries, depth, leafPages, branchPages, overflowPages: extentPages }]);
  }
  // From entries, so that a map called "__proto__" is a key like any other.
  return Object.fromEntries(maps);
}
