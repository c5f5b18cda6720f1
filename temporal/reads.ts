/**
 * Reading the bitemporal store, as its users do: on the database, on a snapshot, in a transaction, and fixed at a point
 * with `asOf`. Guarantees: every answer is that of one point of valid and transaction time; asking again gives the
 * same, unless a key was erased.
 */

import type { Key } from "../engine/key.js";
import type { Range } from "../engine/range.js";
import type { Milliseconds } from "../engine/receipt.js";
import { type At, requireOptions, resolveAt, resolveWithin, type Within } from "./at.js";
import { type Difference, DiffIterator } from "./diff.js";
import { toMilliseconds } from "./instant.js";
import { NOW, type Point, TemporalReader } from "./reader.js";
import { ScanIterator } from "./scan.js";
import type { StoredSlice } from "./slice-record.js";
import { iterate, type Sources } from "./sources.js";
import { parseStoredRange } from "./stored-key.js";
import { timeOf } from "./transaction-log.js";

/** One slice: what held over [validFrom, validTo), known in the transactions [txFrom, txTo). */
export interface Version<V> {
  key: Key;
  value: V;
  /** When it begins to hold, in milliseconds since 1970 UTC; `-Infinity` where that is open. */
  validFrom: Milliseconds;
  /** When it ceases to hold; `Infinity` where that is open. */
  validTo: Milliseconds;
  /** The transaction that wrote it. */
  txFrom: number;
  /** The transaction from which on it is no longer known; Infinity: still known. */
  txTo: number;
  /** The time of `txFrom`, in milliseconds since 1970 UTC. */
  knownFrom: Milliseconds;
  /** The time of `txTo`; Infinity: still known. */
  knownTo: Milliseconds;
  /** The transaction that first asserted it: before `txFrom` where a later write only cut it. */
  origin: number;
}

/** When transactions were. That never changes, and the row of a large one is long to read. */
type TransactionTimes = Map<number, Milliseconds>;

const MAX_TIMES = 1000;

/** Reads of the bitemporal store. */
export class TemporalReads<V = unknown> {
  /** @internal */
  protected readonly reader: TemporalReader;
  readonly #fixed: Point | null;
  readonly #times: TransactionTimes;

  /** @internal */
  constructor(sources: Sources, partition: number, fixed: Point | null = null, times: TransactionTimes = new Map()) {
    this.reader = new TemporalReader(sources, partition);
    this.#fixed = fixed;
    this.#times = times;
  }

  /**
   * The value that holds for a key at a point; without one, what holds now as far as is known now.
   *
   * @param at `validAt`: about which time; `knownAt` or `tx`: as known when
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_FUTURE_TX` for a point beyond the newest
   * commit, `LLMDB_NOT_FOUND` for one whose history was forgotten, `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   *
   * @example
   * ```ts
   * db.get("node-16/eol"); // "2023-09-11"
   * db.get("node-16/eol", { knownAt: "2021-06-01" }); // "2024-04-30"
   * ```
   */
  get(key: Key, at?: At): V | undefined {
    if (at === undefined && this.#fixed === null) return this.reader.get(key, NOW) as V | undefined;
    return this.reader.get(key, this.#point(at)) as V | undefined;
  }

  /** The slice that holds for a key at a point, with its bounds on both axes; undefined for none. As {@link get}. */
  version(key: Key, at?: At): Version<V> | undefined {
    const slice = this.reader.slice(key, this.#point(at));
    return slice && this.#version(key, slice);
  }

  /**
   * Keys and values at a point, in the order of keys. Lazy: outside of a transaction it reads the state of this moment,
   * whatever is written meanwhile. Leaving the loop early releases it. `offset` passes over entries one by one. Throws
   * as {@link get}, and `LLMDB_INVALID_ARGUMENT` for an unknown option or a bound that is no key.
   *
   * @param range which keys, in which order, how many
   * @param at the point, as for `get`; without it, now
   *
   * @example
   * ```ts
   * for (const [key, value] of db.range({ prefix: ["nodejs"] }, { validAt: "2023-10-01" })) console.log(key, value);
   * ```
   */
  range(range?: Range, at?: At): IteratorObject<[Key, V], undefined> {
    const point = this.#point(at);
    const parsed = parseStoredRange(range, this.reader.partition, this.reader.maxBytes);
    return iterate(this.reader.sources, (held) => new ScanIterator<V>(held, point, parsed));
  }

  /**
   * All slices of a key that meet the given stretches, by (txFrom, validFrom). Slices that are equal neighbours are
   * not merged; `period.coalesce` does that.
   *
   * @param within stretches of valid and of transaction time; without it, all that was ever known and is not forgotten
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`, `LLMDB_KEY_TOO_LONG`, `LLMDB_CLOSED`, `LLMDB_CORRUPT`
   */
  versions(key: Key, within?: Within): Version<V>[] {
    const rectangle = resolveWithin(within, this.reader.sources);
    return this.reader.within(key, rectangle).map((slice) => this.#version(key, slice));
  }

  /**
   * What was added, removed or changed between two points, by key. Lazy, as `range`. Only values are compared.
   * Throws as `range`.
   *
   * @param from a point; `{}` is now
   * @param to the other point, which may also be the earlier one
   *
   * @example
   * ```ts
   * for (const { key, before, after } of db.diff({ knownAt: lastWeek }, {})) console.log(key, before, "->", after);
   * ```
   */
  diff(from: At, to: At, range?: Range): IteratorObject<Difference<V>, undefined> {
    requireOptions(from, ["validAt", "knownAt", "tx"], "the first point of diff");
    requireOptions(to, ["validAt", "knownAt", "tx"], "the second point of diff");
    const before = this.#point(from);
    const after = this.#point(to);
    const parsed = parseStoredRange(range, this.reader.partition, this.reader.maxBytes);
    return iterate(this.reader.sources, (held) => new DiffIterator<V>(held, before, after, parsed));
  }

  /**
   * The same reads, fixed at one point; `validAt` is the present of this moment where it is not given. What a read of
   * it is given itself counts instead. Throws as {@link get}.
   *
   * @example
   * ```ts
   * const then = db.asOf({ knownAt: "2022-01-01" });
   * console.log(then.get("node-16/eol"), then.get("node-18/eol"));
   * ```
   */
  asOf(at: At): TemporalReads<V> {
    requireOptions(at, ["validAt", "knownAt", "tx"], "asOf");
    const { sources, partition } = this.reader;
    const { validAt, tx } = this.#point(at);
    // The newest state is fixed by its number, unless it is still being written.
    const known = tx === Number.POSITIVE_INFINITY && !sources.isWriting ? sources.latestTx : tx;
    const fixed = { validAt: validAt ?? BigInt(sources.nowMicros()), tx: known };
    return new TemporalReads<V>(sources, partition, fixed, this.#times);
  }

  /** @internal The transaction after which these reads are fixed; Infinity: they are not. */
  get knownTx(): number {
    return this.#fixed?.tx ?? Number.POSITIVE_INFINITY;
  }

  #point(at: At | undefined): Point {
    const point = resolveAt(at, this.reader.sources);
    const fixed = this.#fixed;
    if (fixed === null) return point;
    const asksKnown = at?.tx !== undefined || at?.knownAt !== undefined;
    return { validAt: point.validAt ?? fixed.validAt, tx: asksKnown ? point.tx : fixed.tx };
  }

  #version(key: Key, slice: StoredSlice): Version<V> {
    const { txFrom, txTo, origin } = slice;
    return {
      key,
      value: this.reader.decode(key, slice) as V,
      validFrom: toMilliseconds(slice.validFrom),
      validTo: toMilliseconds(slice.validTo),
      txFrom,
      txTo,
      knownFrom: this.#timeOf(txFrom),
      knownTo: txTo === Number.POSITIVE_INFINITY ? txTo : this.#timeOf(txTo),
      origin,
    };
  }

  #timeOf(tx: number): Milliseconds {
    const { sources } = this.reader;
    // Its own row is written when it commits.
    if (sources.isWriting && tx > sources.latestTx) return sources.ownMicros / 1000;
    const known = this.#times.get(tx);
    if (known !== undefined) return known;
    const time = toMilliseconds(timeOf(sources.maps().transactions, tx));
    if (this.#times.size >= MAX_TIMES) this.#times.clear();
    this.#times.set(tx, time);
    return time;
  }
}
