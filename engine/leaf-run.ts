/**
 * The leaves of a map in a key range, in key order, a batch at a time, for whoever reads whole pages: the pages of a
 * batch lie still in the cache until it is released.
 *
 * Guarantees: all batches are of one committed state, whatever is written meanwhile; all runs together pin no more than
 * a quarter of the cache, but for one page that each may always have; loading a batch allocates nothing but arrays that
 * grow to its size. A run that is forgotten instead of closed lets everything go when it is collected. Frames that lie
 * in mapped memory need no pin.
 */
import type { Bounds } from "../btree/cursor.js";
import { LeafWalk } from "../btree/leaf-walk.js";
import { Tree } from "../btree/tree.js";
import type { PageCache } from "../pager/page-cache.js";
import type { ByteSource } from "./byte-source.js";
import type { CommittedState } from "./committed-state.js";
import type { PinnedView } from "./pinned-view.js";
import { insideOf, type Snapshot } from "./snapshot.js";
import type { ValueFormat } from "./value.js";
import type { Views } from "./views.js";

/** Batches are seldom larger. */
const FIRST_LEAVES = 64;

/** What a run holds. It must not know the run: it lets go when that is collected. */
class HeldLeaves {
  readonly cache: PageCache;
  frames = new Int32Array(FIRST_LEAVES);
  count = 0;
  readonly #views: Views;
  /** Null where a snapshot holds it. */
  readonly #view: PinnedView | null;

  constructor(views: Views, cache: PageCache, view: PinnedView | null) {
    this.#views = views;
    this.cache = cache;
    this.#view = view;
  }

  release(): void {
    for (let i = 0; i < this.count; i++) this.cache.unpin(this.frames[i]);
    this.count = 0;
  }

  close(): void {
    this.release();
    if (this.#view !== null) this.#views.close(this.#view);
  }

  /** The run was forgotten. */
  collect(): void {
    this.release();
    if (this.#view !== null) this.#views.closeForgotten(this.#view);
  }
}

const forgotten = new FinalizationRegistry<HeldLeaves>((held) => held.collect());

/** The state that a run is of. */
interface RunState {
  readonly views: Views;
  readonly view: PinnedView;
  /** The map in it; undefined where there is none. */
  readonly map: { readonly tree: Tree; readonly format: ValueFormat } | undefined;
  readonly isOwnView: boolean;
  readonly requireOpen: () => void;
}

export class LeafRun {
  /** The map, to read single entries of the same state. */
  readonly source: ByteSource;
  /** How its values are stored; null where the map does not exist. */
  readonly format: ValueFormat | null;
  /** The newest transaction that is seen, and its time in microseconds since 1970. */
  readonly tx: number;
  readonly micros: number;
  /** Where the frames are: `cache.views(frame)`, from byte `cache.base(frame)` on. */
  readonly cache: PageCache;
  /** Of each leaf of the batch, the first of its slots in the range and the one behind the last. */
  firsts = new Uint16Array(FIRST_LEAVES);
  ends = new Uint16Array(FIRST_LEAVES);
  /** Entries of the batch. */
  entries = 0;
  readonly #held: HeldLeaves;
  readonly #walk: LeafWalk;
  readonly #requireOpen: () => void;

  /** Use `openLeaves` or `leavesOf`. */
  constructor({ views, view, map, isOwnView, requireOpen }: RunState, bounds: Bounds) {
    const { reader, store } = view.snapshot;
    this.source = { tree: map?.tree ?? new Tree(), reader, extents: store.extents };
    this.format = map?.format ?? null;
    this.tx = view.changeTx;
    this.micros = view.micros;
    this.cache = reader.cache;
    this.#held = new HeldLeaves(views, reader.cache, isOwnView ? view : null);
    this.#walk = new LeafWalk(this.source.tree, reader, bounds);
    this.#requireOpen = requireOpen;
    forgotten.register(this, this.#held, this.#held);
  }

  /** The frames of the batch, from 0 to `count`. */
  get frames(): Int32Array {
    return this.#held.frames;
  }

  /** Leaves of the batch. */
  get count(): number {
    return this.#held.count;
  }

  /**
   * Releases the batch and loads the next one: at most `maxPages` leaves, at least one, fewer where the cache is small.
   *
   * @returns how many; 0 at the end of the range
   * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`, `LLMDB_IO`
   */
  next(maxPages: number): number {
    this.release();
    this.#requireOpen();
    try {
      return this.#load(Math.max(1, maxPages));
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #load(maxPages: number): number {
    const held = this.#held;
    const walk = this.#walk;
    const { cache } = this;
    const room = Math.max(1, (cache.maxFrames >>> 2) - cache.pinnedFrames);
    let count = 0;
    let pinned = 0;
    let entries = 0;
    while (count < maxPages && pinned < room && walk.next()) {
      const { frame, first, end } = walk;
      if (count === held.frames.length) this.#grow();
      cache.pin(frame);
      if (frame < cache.maxFrames) pinned++;
      held.frames[count] = frame;
      this.firsts[count] = first;
      this.ends[count] = end;
      entries += end - first;
      held.count = ++count;
    }
    this.entries = entries;
    return count;
  }

  #grow(): void {
    this.#held.frames = grown(this.#held.frames, new Int32Array(this.#held.frames.length * 2));
    this.firsts = grown(this.firsts, new Uint16Array(this.firsts.length * 2));
    this.ends = grown(this.ends, new Uint16Array(this.ends.length * 2));
  }

  /** Lets the pages of the batch go. */
  release(): void {
    this.#held.release();
    this.entries = 0;
  }

  /** Lets the state go, too. Closing twice is fine. */
  close(): void {
    forgotten.unregister(this.#held);
    this.#held.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function grown<T extends Int32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/**
 * The leaves of a map in the newest committed state, which is held until the run is closed.
 *
 * @param name may be one of the database's own maps
 * @throws LlmdbError `LLMDB_CLOSED`, `LLMDB_CORRUPT`
 */
export function openLeaves(state: CommittedState, name: string, bounds: Bounds): LeafRun {
  state.requireOpen();
  const { views } = state;
  const found = state.directory.get(name);
  const view = views.open(found?.tree ?? new Tree());
  const map = found && { tree: view.tree ?? found.tree, format: found.format };
  return new LeafRun({ views, view, map, isOwnView: true, requireOpen: () => state.requireOpen() }, bounds);
}

/** As `openLeaves`, of the state that a snapshot holds; refused once that is closed. */
export function leavesOf(snapshot: Snapshot, name: string, bounds: Bounds): LeafRun {
  const { state, view, requireOpen } = insideOf(snapshot);
  requireOpen();
  return new LeafRun(
    { views: state.views, view, map: view.directory?.get(name), isOwnView: false, requireOpen },
    bounds,
  );
}
