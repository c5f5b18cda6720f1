/**
 * Answers about one key: what holds at a point of valid and transaction time, and which slices there are. Guarantees:
 * a question about now is one descent into the head, and one into live where the head's answer has run out; a question
 * about the past goes into history only where the bounds say that an answer can be.
 */

import { type Bounds, Cursor } from "../btree/cursor.js";
import { FilterCursor } from "../btree/filter-cursor.js";
import { paddedCopy } from "../btree/key-bytes.js";
import { isOnExtents, maxKeyBytes } from "../btree/node.js";
import { type ByteSource, floorEntry } from "../engine/byte-source.js";
import { copyValue, findEntry, storedBytes } from "../engine/entry.js";
import { type Key, KeyBuffer } from "../engine/key.js";
import { valueCodec } from "../engine/value.js";
import { LlmdbError } from "../pager/error.js";
import { FoundSlice } from "./found-slice.js";
import { encodeInstant, INSTANT_BYTES } from "./instant.js";
import { type TemporalMaps, TX_BYTES, TX_TO_FIELD } from "./maps.js";
import { byValidFrom } from "./slice.js";
import { type LargeValue, readU32, type SharedValue, type StoredSlice, type StoredValue } from "./slice-record.js";
import type { Sources } from "./sources.js";
import { maxStoredBytes, StoredKey, writeTx } from "./stored-key.js";

/** A point on both axes. */
export interface Point {
  /** Microseconds since 1970; null is now. */
  readonly validAt: bigint | null;
  /** Infinity: the newest state, with the writes of the running transaction. */
  readonly tx: number;
}

/** Valid now, known now. */
export const NOW: Point = { validAt: null, tx: Number.POSITIVE_INFINITY };

/** A stretch of valid and of transaction time; slices that meet it are meant. */
export interface Rectangle {
  readonly validFrom: bigint;
  readonly validTo: bigint;
  readonly txFrom: number;
  readonly txTo: number;
}

const TWO_32 = 2 ** 32;
/** Limits of a question to history, in the order of its bounds. */
const LIMIT_BYTES = 2 * (TX_BYTES + INSTANT_BYTES);
/** No transaction has a larger number. */
const MAX_TX = 2 ** 48 - 2;

const codec = valueCodec("msgpack");
const key = new StoredKey();
const found = new FoundSlice();
const shared = new FoundSlice();
const pointBytes = new Uint8Array(INSTANT_BYTES);
const limits = new Uint8Array(LIMIT_BYTES);
const behind = new KeyBuffer();
/** One cursor for all questions about a point of the past; no code of the caller runs while it is used. */
let past: FilterCursor | undefined;

/** An instant as the halves of its stored bytes. */
function highOf(micros: number): number {
  return Math.floor(micros / TWO_32) + 2 ** 31;
}

function lowOf(micros: number): number {
  return micros - Math.floor(micros / TWO_32) * TWO_32;
}

/** The limits that a slice in history has to keep to hold at an instant and be known in a transaction. */
export function pointLimits(validAt: bigint, tx: number): Uint8Array {
  return limitsOf({ validFrom: validAt, validTo: validAt + 1n, txFrom: tx, txTo: tx + 1 });
}

/** The limits of those that meet a rectangle. */
function limitsOf(rectangle: Rectangle): Uint8Array {
  return setLimits(rectangle, new Uint8Array(LIMIT_BYTES));
}

function setLimits({ validFrom, validTo, txFrom, txTo }: Rectangle, limits: Uint8Array): Uint8Array {
  writeTx(Math.min(txTo, MAX_TX) - 1, limits, 0);
  writeTx(txFrom + 1, limits, TX_BYTES);
  encodeInstant(validTo - 1n, limits, 2 * TX_BYTES);
  encodeInstant(validFrom + 1n, limits, 2 * TX_BYTES + INSTANT_BYTES);
  return limits;
}

/** Whether a slice meets a rectangle. */
export function meets(slice: StoredSlice, { validFrom, validTo, txFrom, txTo }: Rectangle): boolean {
  return slice.validFrom < validTo && validFrom < slice.validTo && slice.txFrom < txTo && txFrom < slice.txTo;
}

export class TemporalReader {
  readonly sources: Sources;
  readonly partition: number;
  /** The most bytes of partition and key. */
  readonly maxBytes: number;

  constructor(sources: Sources, partition: number) {
    this.sources = sources;
    this.partition = partition;
    this.maxBytes = maxStoredBytes(maxKeyBytes(sources.state.store.pageSize));
  }

  /** The value of a key at a point, or undefined. */
  get(of: Key, point: Point): unknown {
    const maps = this.sources.maps();
    if (!(point === NOW ? this.#findNow(maps, of) : this.#find(maps, of, point))) return undefined;
    const { record } = found;
    if (record.isInline) return codec.decode(record.u8.subarray(record.valueAt, record.end));
    return codec.decode(fetchValue(maps, key, found.value()));
  }

  /** The value of a key at a point as it is stored, in a copy; or undefined. */
  bytes(of: Key, point: Point): Uint8Array | undefined {
    const maps = this.sources.maps();
    return this.#find(maps, of, point) ? valueBytes(maps, key, found.value()) : undefined;
  }

  /** The slice at a point, or undefined. */
  slice(of: Key, point: Point): StoredSlice | undefined {
    return this.#find(this.sources.maps(), of, point) ? found.slice() : undefined;
  }

  /** The slices of a key that meet a rectangle, by (txFrom, validFrom). */
  within(of: Key, rectangle: Rectangle): StoredSlice[] {
    const maps = this.sources.maps();
    key.set(this.partition, of, this.maxBytes);
    const slices = knownSlices(maps, key).filter((slice) => meets(slice, rectangle));
    slices.push(...closedSlices(maps, key, rectangle));
    return slices.sort((a, b) => a.txFrom - b.txFrom || byValidFrom(a, b));
  }

  /** The value of a slice of a key, decoded. */
  decode(of: Key, slice: StoredSlice): unknown {
    const maps = this.sources.maps();
    key.set(this.partition, of, this.maxBytes);
    return codec.decode(valueBytes(maps, key, slice.value));
  }

  /** Sets `key`, and puts its slice of now into `found`. */
  #findNow(maps: TemporalMaps, of: Key): boolean {
    const { head } = maps;
    key.set(this.partition, of, this.maxBytes);
    if (head === undefined || !findEntry(head.tree, head.reader, key.bytes, key.length, found.entry)) return false;
    const { record } = found.look(head, "head");
    const { sources } = this;
    // An open slice that began before the last transaction holds from then on, whatever the clock says.
    const latest = sources.isWriting ? sources.ownMicros : sources.latestMicros;
    if (record.toAt === 0 && record.startsBy(highOf(latest), lowOf(latest))) return !record.isGap;
    // A caller's clock may use the database, and with it `key`, `found` and the page that it is on.
    if (!sources.state.hasOwnClock) return this.#find(maps, of, NOW);
    const micros = sources.nowMicros();
    const high = highOf(micros);
    const low = lowOf(micros);
    if (record.startsBy(high, low) && record.endsAfter(high, low)) return !record.isGap;
    return findLive(maps, BigInt(micros));
  }

  /** Sets `key`, and puts its slice at a point into `found`. */
  #find(maps: TemporalMaps, of: Key, { validAt, tx }: Point): boolean {
    const micros = validAt ?? BigInt(this.sources.nowMicros());
    key.set(this.partition, of, this.maxBytes);
    // Where the head holds, nothing in live does.
    if (findHead(maps, micros) || findLive(maps, micros)) {
      if (found.record.txFrom <= tx) return true;
    }
    return tx !== Number.POSITIVE_INFINITY && findClosed(maps, micros, tx);
  }
}

/** Whether the head of `key` holds at an instant. */
function findHead({ head }: TemporalMaps, micros: bigint): boolean {
  if (head === undefined || !findEntry(head.tree, head.reader, key.bytes, key.head(), found.entry)) return false;
  const { record } = found.look(head, "head");
  encodeInstant(micros, pointBytes, 0);
  const high = readU32(pointBytes, 0);
  const low = readU32(pointBytes, 4);
  return !record.isGap && record.startsBy(high, low) && record.endsAfter(high, low);
}

/** Whether a slice of `key` in live holds at an instant: the last one that begins by then, as they are disjoint. */
function findLive({ live }: TemporalMaps, micros: bigint): boolean {
  if (live === undefined || !floorEntry(live, key.bytes, key.live(micros), found.entry)) return false;
  found.at(live, found.entry.frame, found.entry.slot, "live");
  return key.begins(found.key, found.keyLength) && found.record.validTo > micros;
}

function findClosed({ history }: TemporalMaps, micros: bigint, tx: number): boolean {
  if (history === undefined || history.tree.depth === 0) return false;
  const upperLength = key.endInto(behind);
  const lowerLength = key.historyFrom(tx + 1);
  const bounds = { lower: key.bytes, lowerLength, upper: behind.bytes, upperLength };
  past ??= new FilterCursor(history.tree, history.reader, bounds, limits, false, TX_TO_FIELD);
  past.begin(
    history.tree,
    history.reader,
    bounds,
    setLimits({ validFrom: micros, validTo: micros + 1n, txFrom: tx, txTo: tx + 1 }, limits),
    false,
  );
  if (!past.next()) return false;
  found.at(history, past.frame, past.slot, "history");
  return true;
}

/** The slices of a key that are known now, by valid time. */
export function knownSlices({ head, live }: TemporalMaps, of: StoredKey): StoredSlice[] {
  const slices: StoredSlice[] = [];
  if (head !== undefined && findEntry(head.tree, head.reader, of.bytes, of.head(), found.entry)) {
    found.look(head, "head");
    if (!found.record.isGap) slices.push(found.slice());
  }
  if (live !== undefined) {
    for (const cursor = new Cursor(live.tree, live.reader, everythingOf(of), false); cursor.next(); ) {
      slices.push(found.at(live, cursor.frame, cursor.slot, "live").slice());
    }
  }
  return slices.sort(byValidFrom);
}

/** The closed slices of a key that meet a rectangle, in the order of history. */
export function closedSlices({ history }: TemporalMaps, of: StoredKey, rectangle: Rectangle): StoredSlice[] {
  const slices: StoredSlice[] = [];
  if (history === undefined) return slices;
  const cursor = new FilterCursor(
    history.tree,
    history.reader,
    everythingOf(of),
    limitsOf(rectangle),
    false,
    TX_TO_FIELD,
  );
  while (cursor.next()) slices.push(found.at(history, cursor.frame, cursor.slot, "history").slice());
  return slices;
}

/** The entries of a map about a key. */
export function everythingOf(of: StoredKey): Bounds {
  const upper = of.end();
  return {
    lower: paddedCopy(of.bytes, of.head()),
    lowerLength: of.length,
    upper: upper.bytes,
    upperLength: upper.length,
  };
}

/** The bytes of a value of a key, wherever they lie; they stay valid. */
export function valueBytes(maps: TemporalMaps, of: StoredKey, value: StoredValue): Uint8Array {
  value.bytes ??= fetchValue(maps, of, value);
  return value.bytes;
}

/** The bytes of a value that is in a leaf; null where it is so large that it does not, and then it is not read. */
export function leafValueBytes(maps: TemporalMaps, of: StoredKey, value: StoredValue): Uint8Array | null {
  const own = value.shared === null ? value : sharedValue(maps, of, value.shared);
  if (own.large === null) return valueBytes(maps, of, own);
  const values = findLarge(maps, of, own.large);
  if (isOnExtents(values.reader.cache.views(shared.entry.frame), shared.entry.cell)) return null;
  return copyValue(values.reader, shared.entry, values.extents);
}

function fetchValue(maps: TemporalMaps, of: StoredKey, value: StoredValue): Uint8Array {
  if (value.large !== null) return fetchLarge(maps, of, value.large);
  const { large, bytes } = value.shared === null ? value : sharedValue(maps, of, value.shared);
  if (large !== null) return fetchLarge(maps, of, large);
  if (bytes !== null) return bytes;
  throw misplaced();
}

/** Where the value of a slice is that names a closed one: that one names no other. */
function sharedValue({ history }: TemporalMaps, of: StoredKey, { txTo, validFrom }: SharedValue): StoredValue {
  if (history === undefined) throw misplaced();
  const length = of.history(txTo, validFrom);
  if (!findEntry(history.tree, history.reader, of.bytes, length, shared.entry)) throw misplaced();
  const { record } = shared.look(history, "history");
  if (record.isLarge || record.isInline) return record.value(validFrom);
  throw misplaced();
}

function misplaced(): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", "the value of a slice is not where its slice says; run verify()");
}

function fetchLarge(maps: TemporalMaps, of: StoredKey, large: LargeValue): Uint8Array {
  const values = findLarge(maps, of, large);
  return copyValue(values.reader, shared.entry, values.extents);
}

/** How many bytes a value in the map of values has. */
export function largeValueBytes(maps: TemporalMaps, of: StoredKey, large: LargeValue): number {
  return storedBytes(findLarge(maps, of, large).reader, shared.entry);
}

/** Points `shared.entry` at a value in the map of values. */
function findLarge({ values }: TemporalMaps, of: StoredKey, { tx, number }: LargeValue): ByteSource {
  const length = of.value(tx, number);
  if (values !== undefined && findEntry(values.tree, values.reader, of.bytes, length, shared.entry)) return values;
  throw new LlmdbError("LLMDB_CORRUPT", "a large value is missing; run verify()");
}
