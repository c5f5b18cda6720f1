/**
 * A snapshot with its bitemporal store: the database as it was after one transaction. Guarantees: it never changes
 * until it is closed. What holds now depends on the clock all the same, as the present moves on.
 */
import type { CommittedState } from "../engine/committed-state.js";
import type { Key } from "../engine/key.js";
import type { Range } from "../engine/range.js";
import { Snapshot as MapSnapshot } from "../engine/snapshot.js";
import type { At, Within } from "./at.js";
import type { Difference } from "./diff.js";
import { TemporalReads, type Version } from "./reads.js";
import type { Sources } from "./sources.js";
import { ViewSources } from "./state-sources.js";
import { requirePartition } from "./stored-key.js";

/** @internal What the store of a snapshot is read from, for the layers above. */
export let sourcesOf: (snapshot: Snapshot) => Sources;

/** A view of one committed state, until it is closed. */
export class Snapshot extends MapSnapshot {
  static {
    sourcesOf = (snapshot) => snapshot.#sources;
  }

  readonly #sources: Sources;
  readonly #store: TemporalReads;

  /** @internal Use `db.snapshot`. */
  constructor(state: CommittedState) {
    super(state);
    this.#sources = new ViewSources(state, this.view, () => this.requireOpen(), false);
    this.#store = new TemporalReads(this.#sources, 0);
  }

  /** The bitemporal store of a partition, as it was. Throws `LLMDB_INVALID_ARGUMENT`, `LLMDB_CLOSED`. */
  partition<V = unknown>(id: number): TemporalReads<V> {
    this.requireOpen();
    return new TemporalReads<V>(this.#sources, requirePartition(id));
  }

  /** As {@link TemporalReads.get}. */
  get(key: Key, at?: At): unknown {
    return this.#store.get(key, at);
  }

  /** As {@link TemporalReads.version}. */
  version(key: Key, at?: At): Version<unknown> | undefined {
    return this.#store.version(key, at);
  }

  /** As {@link TemporalReads.range}. */
  range(range?: Range, at?: At): IteratorObject<[Key, unknown], undefined> {
    return this.#store.range(range, at);
  }

  /** As {@link TemporalReads.versions}. */
  versions(key: Key, within?: Within): Version<unknown>[] {
    return this.#store.versions(key, within);
  }

  /** As {@link TemporalReads.diff}. */
  diff(from: At, to: At, range?: Range): IteratorObject<Difference<unknown>, undefined> {
    return this.#store.diff(from, to, range);
  }

  /** As {@link TemporalReads.asOf}. */
  asOf(at: At): TemporalReads {
    return this.#store.asOf(at);
  }
}
