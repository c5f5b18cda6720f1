/**
 * What a bitemporal store should answer, in the simplest form: the list of everything that was ever said, replayed for
 * each question. Guarantees: nothing of a store is used here, and nothing is computed ahead (only what an event makes
 * of an answer is kept, as it never changes); what is known of a key is found by cutting time at every bound that was
 * ever given, so that no two ways of splitting a slice agree by mistake.
 *
 * Times are microseconds since 1970 UTC; the least and the greatest 64-bit value stand for the open ends.
 */
import { isDeepStrictEqual } from "node:util";
import type { Key } from "../../../engine/key.js";
import { MINUS_INFINITY, PLUS_INFINITY } from "../../../temporal/instant.js";
import type { CompareKeys } from "../model.js";

interface Place {
  /** Default: 0. */
  readonly partition?: number;
  readonly key: Key;
}

interface Valid {
  /** Default: now. */
  readonly from?: bigint;
  /** Default: the open end. */
  readonly to?: bigint;
}

/** Something that is said about a key. `change` must give the same for the same value, each time it is asked. */
export type OracleOperation = Place &
  (
    | ({ readonly kind: "put"; readonly value: unknown } & Valid)
    | ({ readonly kind: "delete" } & Valid)
    | ({ readonly kind: "update"; readonly change: (value: unknown) => unknown } & Valid)
    | ({ readonly kind: "patch"; readonly part: object } & Valid)
    | { readonly kind: "erase" }
  );

/** An operation as it was recorded. */
export type OracleEvent = Required<Place> & {
  readonly tx: number;
  /** Counts the operations of the transaction. */
  readonly seq: number;
  readonly from: bigint;
  readonly to: bigint;
} & (
    | { readonly kind: "put"; readonly value: unknown }
    | { readonly kind: "delete" }
    | { readonly kind: "update"; readonly change: (value: unknown) => unknown }
    | { readonly kind: "patch"; readonly part: object }
    | { readonly kind: "erase" }
  );

/** What is known to hold over [from, to). */
export interface OracleSlice {
  readonly from: bigint;
  readonly to: bigint;
  readonly value: unknown;
  /** The transaction that first asserted it. */
  readonly origin: number;
}

/** A slice with the transactions [txFrom, txTo) in which it was known; `txTo` is infinite where it still is. */
export interface OracleVersion extends OracleSlice {
  readonly txFrom: number;
  readonly txTo: number;
}

/** An answer, and the events that made it what it is: two neighbours are one slice where these are the same. */
interface Held {
  readonly value: unknown;
  readonly made: readonly OracleEvent[];
}

interface Segment {
  readonly from: bigint;
  readonly to: bigint;
  readonly held: Held | undefined;
}

/** Everything that was said, by transaction, and the answers that follow from it. Partitions are 0 if left out. */
export class BitemporalOracle {
  readonly #compare: CompareKeys;
  /** Of each transaction, from 1, its time; at 0, before every time. */
  readonly #times: bigint[] = [MINUS_INFINITY];
  readonly #events: OracleEvent[] = [];
  /** The events of each key of each partition, by {@link identityOf}. */
  readonly #byKey = new Map<string, OracleEvent[]>();
  /** What {@link keys} gives, until a key is new. */
  readonly #keys = new Map<number, readonly Key[]>();
  #open: OracleTransaction | undefined;

  constructor(compare: CompareKeys) {
    this.#compare = compare;
  }

  /** The number of the last transaction; 0 before the first. */
  get lastTx(): number {
    return this.#times.length - 1;
  }

  /** The time of a transaction. */
  timeOf(tx: number): bigint {
    this.#requireKnown(tx);
    return this.#times[tx];
  }

  /** What `now` means for a question that is asked when the clock shows this. */
  nowAt(clock: bigint): bigint {
    return greatest(clock, this.#times[this.lastTx]);
  }

  /** Begins the next transaction. It must be committed or discarded before another begins. */
  begin(clock: bigint): OracleTransaction {
    if (this.#open !== undefined) throw new RangeError("a transaction of the oracle is open");
    const tx = this.lastTx + 1;
    const time = greatest(clock, this.#times[this.lastTx] + 1n);
    const end = (events: readonly OracleEvent[] | undefined): void => {
      this.#open = undefined;
      if (events === undefined) return;
      this.#times.push(time);
      for (const event of events) this.#add(event);
    };
    this.#open = new OracleTransaction(tx, time, end);
    return this.#open;
  }

  /** A whole transaction; returns its number. */
  transact(clock: bigint, operations: Iterable<OracleOperation>): number {
    const tx = this.begin(clock);
    for (const operation of operations) tx.record(operation);
    tx.commit();
    return tx.id;
  }

  /** What holds for a key at a valid time, as known in a transaction; undefined if nothing does. */
  at(key: Key, validTime: bigint, tx = this.lastTx, partition = 0): unknown {
    this.#requireKnown(tx);
    return answer(this.#eventsOf(key, partition), validTime, tx)?.value;
  }

  /** The slices of a key as known in a transaction, by their beginnings: disjoint, and not merged. */
  slices(key: Key, tx = this.lastTx, partition = 0): OracleSlice[] {
    return this.#slicesWithCause(key, tx, partition).map(({ cause: _, ...slice }) => slice);
  }

  /** Every slice of a key that was known in any transaction, by (txFrom, validFrom). */
  versions(key: Key, partition = 0): OracleVersion[] {
    const versions: OracleVersion[] = [];
    let known: (OracleSlice & { cause: Held["made"]; txFrom: number })[] = [];
    // In the others nothing was said about the key.
    const own = new Set(this.#eventsOf(key, partition).map(({ tx }) => tx));
    for (const tx of [...own, this.lastTx + 1]) {
      const next = tx > this.lastTx ? [] : this.#slicesWithCause(key, tx, partition);
      const txTo = tx > this.lastTx ? Number.POSITIVE_INFINITY : tx;
      const before = known;
      const isIn = (list: typeof next, one: (typeof next)[number]): (typeof next)[number] | undefined =>
        list.find(({ from, to, cause }) => from === one.from && to === one.to && sameEvents(cause, one.cause));
      for (const { cause, ...slice } of before) {
        if (isIn(next, { ...slice, cause }) === undefined) versions.push({ ...slice, txTo });
      }
      known = next.map((slice) => ({ txFrom: tx, ...(isIn(before, slice) ?? slice) }));
    }
    return versions.sort((a, b) => a.txFrom - b.txFrom || (a.from < b.from ? -1 : 1));
  }

  /** All keys of a partition with what holds for them, in the order of keys. */
  range(validTime: bigint, tx = this.lastTx, partition = 0): [Key, unknown][] {
    const found: [Key, unknown][] = [];
    for (const key of this.keys(partition)) {
      const value = this.at(key, validTime, tx, partition);
      if (value !== undefined) found.push([key, value]);
    }
    return found;
  }

  /** Every key of a partition that anything was ever said about, in order. */
  keys(partition = 0): readonly Key[] {
    const known = this.#keys.get(partition);
    if (known !== undefined) return known;
    const first = [...this.#byKey.values()].map(([event]) => event);
    const own = first.filter((event) => event.partition === partition);
    const keys = own.map(({ key }) => key).sort(this.#compare);
    this.#keys.set(partition, keys);
    return keys;
  }

  /** The partitions that anything was ever said about, in order. */
  partitions(): number[] {
    return [...new Set([...this.#byKey.values()].map(([{ partition }]) => partition))].sort((a, b) => a - b);
  }

  /** The last transaction whose time is not later; 0 if there is none. */
  txAt(time: bigint): number {
    return this.#times.findLastIndex((txTime) => txTime <= time);
  }

  /** Everything that was recorded, or what was in one transaction, in order. */
  events(tx?: number): OracleEvent[] {
    return this.#events.filter((event) => tx === undefined || event.tx === tx);
  }

  #requireKnown(tx: number): void {
    if (!(Number.isInteger(tx) && tx >= 0 && tx <= this.lastTx)) {
      throw new RangeError(`transaction ${tx} is not one of 0 to ${this.lastTx}`);
    }
  }

  #add(event: OracleEvent): void {
    this.#events.push(event);
    const identity = identityOf([event.partition, event.key]);
    const own = this.#byKey.get(identity);
    if (own !== undefined) own.push(event);
    else {
      this.#byKey.set(identity, [event]);
      this.#keys.delete(event.partition);
    }
  }

  /** What was said about a key since it was last erased. */
  #eventsOf(key: Key, partition: number): OracleEvent[] {
    const own = this.#byKey.get(identityOf([partition, key])) ?? [];
    return own.slice(own.findLastIndex(({ kind }) => kind === "erase") + 1);
  }

  #slicesWithCause(key: Key, tx: number, partition: number): (OracleSlice & { cause: Held["made"] })[] {
    this.#requireKnown(tx);
    const events = this.#eventsOf(key, partition);
    return joined(segmentsOf(events, tx)).flatMap(({ from, to, held }) => {
      const last = held?.made.at(-1);
      return held && last ? [{ from, to, value: held.value, origin: last.tx, cause: held.made }] : [];
    });
  }
}

/** A transaction that is being recorded. */
export class OracleTransaction {
  readonly id: number;
  /** Its present too: the default beginning of what is written. */
  readonly time: bigint;
  readonly #end: (events: readonly OracleEvent[] | undefined) => void;
  #events: OracleEvent[] = [];

  constructor(id: number, time: bigint, end: (events: readonly OracleEvent[] | undefined) => void) {
    this.id = id;
    this.time = time;
    this.#end = end;
  }

  /** Adds an operation. Throws a `RangeError` for a period that is empty or reversed, except an empty delete. */
  record(operation: OracleOperation): void {
    const place = { partition: operation.partition ?? 0, tx: this.id, seq: this.#events.length };
    if (operation.kind === "erase") {
      this.#events.push({ ...operation, ...place, from: MINUS_INFINITY, to: PLUS_INFINITY });
      return;
    }
    const { from = this.time, to = PLUS_INFINITY } = operation;
    const isEmptyDelete = operation.kind === "delete" && from === to;
    if (from >= to && !isEmptyDelete) throw new RangeError(`${operation.kind} over [${from}, ${to})`);
    this.#events.push({ ...operation, ...place, from, to });
  }

  /** Runs a nested transaction: if `body` throws, what it recorded is dropped, and the error goes on. */
  nest(body: () => void): void {
    const kept = this.#events.slice();
    try {
      body();
    } catch (error) {
      this.#events = kept;
      throw error;
    }
  }

  commit(): void {
    this.#end(this.#events);
  }

  /** Ends the transaction as if it had not been: its number goes to the next. */
  discard(): void {
    this.#end(undefined);
  }
}

/** The rule: the events up to a transaction that cover a time, one after the other. */
function answer(events: readonly OracleEvent[], time: bigint, tx: number): Held | undefined {
  let held: Held | undefined;
  for (const event of events) {
    if (event.tx <= tx && event.from <= time && time < event.to) held = afterEvent(held, event);
  }
  return held;
}

/** What events have made of answers. Both never change, and updates of large values take long. */
const outcomes = new WeakMap<OracleEvent, Map<Held | undefined, Held | undefined>>();

function afterEvent(held: Held | undefined, event: OracleEvent): Held | undefined {
  let own = outcomes.get(event);
  if (own === undefined) {
    own = new Map();
    outcomes.set(event, own);
  }
  if (own.has(held)) return own.get(held);
  const after = outcomeOf(held, event);
  own.set(held, after);
  return after;
}

function outcomeOf(held: Held | undefined, event: OracleEvent): Held | undefined {
  switch (event.kind) {
    case "put":
      // What holds already is not said again.
      return held && isDeepStrictEqual(inOrder(held.value), inOrder(event.value))
        ? held
        : { value: event.value, made: [event] };
    case "delete":
    case "erase":
      return undefined;
    case "update":
      return held && changed(held, event.change(structuredClone(held.value)), event);
    case "patch":
      return held ? changed(held, merge(held.value, event.part), event) : { value: event.part, made: [event] };
  }
}

/** A value with its fields as lists: to a put, fields in another order are another value, as they are stored so. */
function inOrder(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inOrder);
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return { fields: Object.entries(value).map(([name, inner]) => [name, inOrder(inner)]) };
}

/** A value that did not change writes nothing. */
function changed(held: Held, value: unknown, event: OracleEvent): Held {
  return isDeepStrictEqual(value, held.value) ? held : { value, made: [...held.made, event] };
}

function merge(value: unknown, part: object): unknown {
  if (typeof value === "object" && value !== null) return { ...value, ...part };
  throw new TypeError("the oracle patches objects only");
}

/** All of time, cut wherever an event begins or ends; inside a segment every answer is the same. */
function segmentsOf(events: readonly OracleEvent[], tx: number): Segment[] {
  const cuts = new Set([MINUS_INFINITY, PLUS_INFINITY]);
  for (const { from, to } of events) cuts.add(from).add(to);
  const times = [...cuts].sort((a, b) => (a < b ? -1 : 1));
  return times.slice(1).map((to, i) => ({ from: times[i], to, held: answer(events, times[i], tx) }));
}

/** Neighbours that the same events made are one slice. */
function joined(segments: readonly Segment[]): Segment[] {
  const slices: Segment[] = [];
  for (const next of segments) {
    const last = slices.at(-1);
    if (last?.held && next.held && sameEvents(last.held.made, next.held.made)) {
      slices[slices.length - 1] = { ...last, to: next.to };
    } else slices.push(next);
  }
  return slices;
}

function sameEvents(a: readonly OracleEvent[], b: readonly OracleEvent[]): boolean {
  return a.length === b.length && a.every((event, i) => event === b[i]);
}

/** Equal for equal keys and different for others; `1` and `1n` are equal, `0` and `-0` too. */
function identityOf(key: Key): string {
  if (typeof key === "string") return JSON.stringify(key);
  if (key instanceof Uint8Array) return `#${Buffer.from(key).toString("hex")}`;
  if (typeof key === "number") return Number.isInteger(key) ? String(BigInt(key)) : String(key);
  if (typeof key === "object" && key !== null) return `[${key.map(identityOf).join(",")}]`;
  return String(key);
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
