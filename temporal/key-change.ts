/**
 * A change of one key in a write transaction. Guarantees: after `finish` the slices of the key are disjoint in valid
 * time, the head holds the one that holds at the time of the transaction (or the gap), and everything that was known
 * before and is no more is in history, unless this transaction wrote it itself.
 */

import { Cursor } from "../btree/cursor.js";
import { type ByteSource, floorEntry } from "../engine/byte-source.js";
import { findEntry } from "../engine/entry.js";
import { FoundSlice } from "./found-slice.js";
import { MINUS_INFINITY, PLUS_INFINITY } from "./instant.js";
import { knownSlices, largeValueBytes, valueBytes } from "./reader.js";
import { byValidFrom, gapsIn, meetsSpan, type Span, supersede } from "./slice.js";
import { equalBytes, type LargeValue, RecordBuffer, type StoredSlice, StoredValue } from "./slice-record.js";
import type { StoredKey } from "./stored-key.js";
import type { WrittenMaps } from "./written-maps.js";

/** A value that is not longer is cheaper to repeat than to point at. */
const REPEATED_BYTES = 16;

const found = new FoundSlice();
const record = new RecordBuffer();

export class KeyChange {
  readonly #maps: WrittenMaps;
  readonly #key: StoredKey;
  readonly #tx: number;
  /** The time of the transaction: every later question about now is about this instant or a later one. */
  readonly #now: bigint;
  /** The slice in the head, as it will be. */
  #head: StoredSlice | null = null;
  /** Whether the head has an entry, a slice or a gap. */
  #hasHead = false;
  #headChanged = false;
  #changed = false;

  constructor(maps: WrittenMaps, key: StoredKey, tx: number, now: bigint) {
    this.#maps = maps;
    this.#key = key;
    this.#tx = tx;
    this.#now = now;
    const { head } = maps.sources;
    if (head === undefined || !findEntry(head.tree, head.reader, key.bytes, key.head(), found.entry)) return;
    found.look(head, "head");
    this.#hasHead = true;
    if (!found.record.isGap) this.#head = found.slice();
  }

  /** Slices that meet a span, by valid time. */
  meeting(span: Span): StoredSlice[] {
    const head = this.#head;
    // What begins after an open head meets nothing else: slices are disjoint.
    if (head !== null && head.validTo === PLUS_INFINITY && span.from >= head.validFrom) return [head];
    const slices = this.#liveMeeting(span);
    if (head !== null && meetsSpan(head, span)) slices.push(head);
    return slices.sort(byValidFrom);
  }

  /** The bytes of the value of a slice. */
  bytesOf(value: StoredValue): Uint8Array {
    return valueBytes(this.#maps.sources, this.#key, value);
  }

  /**
   * From now on a value holds over `span`. Where it does already nothing is written.
   *
   * @param store gives the value as slices hold it; called where something is to be written
   * @returns the stretches that were written, or null for the whole of the span
   */
  put(span: Span, bytes: Uint8Array, store: (bytes: Uint8Array) => StoredValue): readonly Span[] | null {
    const slices = this.meeting(span);
    let same: StoredSlice[] | null = null;
    for (const slice of slices) {
      if (!this.#isOf(slice.value, bytes)) continue;
      same ??= [];
      same.push(slice);
    }
    if (same === null) {
      this.#replace(span, slices, store(bytes));
      return null;
    }
    const missing = gapsIn(span, same);
    if (missing.length === 0) return missing;
    const value = store(bytes);
    for (const gap of missing) this.assert(gap, value);
    return missing;
  }

  /** Whether a value has these bytes. One of another length is not read. */
  #isOf(value: StoredValue, bytes: Uint8Array): boolean {
    const { large } = value;
    if (large !== null && largeValueBytes(this.#maps.sources, this.#key, large) !== bytes.length) return false;
    return equalBytes(this.bytesOf(value), bytes);
  }

  /** From now on `value` holds over `span`, or with null nothing. Returns whether that changes anything. */
  assert(span: Span, value: StoredValue | null): boolean {
    return this.#replace(span, this.meeting(span), value);
  }

  /** @param superseded the slices that meet the span */
  #replace(span: Span, superseded: readonly StoredSlice[], value: StoredValue | null): boolean {
    for (const slice of superseded) {
      if (slice === this.#head) this.#setHead(null);
      else this.#maps.live.delete(this.#key.bytes, this.#key.live(slice.validFrom));
    }
    for (const slice of superseded) this.#supersede(slice, span);
    if (value !== null) {
      const { from: validFrom, to: validTo } = span;
      this.#add({ validFrom, validTo, txFrom: this.#tx, txTo: Infinity, origin: this.#tx, value });
    }
    const changed = value !== null || superseded.length > 0;
    if (changed) this.#changed = true;
    return changed;
  }

  /** Brings the head up to date. */
  finish(): void {
    if (!this.#changed) return;
    if (this.#head !== null && !this.#holdsNow(this.#head)) {
      this.#putLive(this.#head);
      this.#setHead(null);
    }
    if (this.#head === null) this.#promote();
    if (this.#head === null) this.#writeGap();
    else if (this.#headChanged) this.#writeHead(this.#head);
  }

  /** The slices in live that meet a span: the last one that begins before its end, and those before it. */
  #liveMeeting(span: Span): StoredSlice[] {
    const slices: StoredSlice[] = [];
    const { live } = this.#maps.sources;
    for (let before = span.to; before > MINUS_INFINITY; ) {
      const slice = this.#floor(live, before - 1n);
      if (slice === undefined || slice.validTo <= span.from) break;
      slices.push(slice);
      before = slice.validFrom;
    }
    return slices;
  }

  /** The last slice in live that begins at an instant or before. */
  #floor(live: ByteSource | undefined, at: bigint): StoredSlice | undefined {
    if (live === undefined || !floorEntry(live, this.#key.bytes, this.#key.live(at), found.entry)) return undefined;
    found.at(live, found.entry.frame, found.entry.slot, "live");
    return this.#key.begins(found.key, found.keyLength) ? found.slice() : undefined;
  }

  #supersede(slice: StoredSlice, span: Span): void {
    const { closed, leftovers } = supersede(slice, span, this.#tx, (value, of) => this.#share(value, of));
    if (closed !== null) {
      const length = record.write(closed, "history");
      this.#maps.history.put(this.#key.bytes, this.#key.history(this.#tx, closed.validFrom), record.bytes, length);
    }
    for (const leftover of leftovers) this.#add(leftover);
    const { large } = slice.value;
    if (closed === null && leftovers.length === 0 && large?.tx === this.#tx) this.#dropLarge(large);
  }

  /** A leftover points at the closed slice, which is in history from now on, unless that points elsewhere itself. */
  #share(value: StoredValue, slice: StoredSlice): StoredValue {
    if (value.large !== null || value.shared !== null || slice.txFrom === this.#tx) return value;
    if (value.bytes === null || value.bytes.length <= REPEATED_BYTES) return value;
    return new StoredValue(value.bytes, { txTo: this.#tx, validFrom: slice.validFrom }, null);
  }

  /** A large value of this transaction goes with the last slice that has it. */
  #dropLarge(large: LargeValue): void {
    const isUsed = ({ value }: StoredSlice) => value.large?.tx === large.tx && value.large.number === large.number;
    if (this.#head !== null && isUsed(this.#head)) return;
    if (knownSlices(this.#maps.sources, this.#key).some(isUsed)) return;
    this.#maps.values.delete(this.#key.bytes, this.#key.value(large.tx, large.number));
  }

  #add(slice: StoredSlice): void {
    if (this.#holdsNow(slice)) {
      if (this.#head !== null) this.#putLive(this.#head);
      this.#setHead(slice);
    } else this.#putLive(slice);
  }

  #holdsNow(slice: StoredSlice): boolean {
    return slice.validFrom <= this.#now && this.#now < slice.validTo;
  }

  #setHead(slice: StoredSlice | null): void {
    this.#head = slice;
    this.#headChanged = true;
  }

  #putLive(slice: StoredSlice): void {
    const length = record.write(slice, "live");
    this.#maps.live.put(this.#key.bytes, this.#key.live(slice.validFrom), record.bytes, length);
  }

  /** Takes the slice that holds now, if there is one, out of live. */
  #promote(): void {
    const slice = this.#floor(this.#maps.sources.live, this.#now);
    if (slice === undefined || !this.#holdsNow(slice)) return;
    this.#maps.live.delete(this.#key.bytes, this.#key.live(slice.validFrom));
    this.#setHead(slice);
  }

  #writeHead(slice: StoredSlice): void {
    if (slice.value.large === null) this.bytesOf(slice.value);
    const length = record.write(slice, "head");
    this.#maps.head.put(this.#key.bytes, this.#key.head(), record.bytes, length);
  }

  /** Nothing holds now: notes between which slices, or, where there are none at all, that nothing is known. */
  #writeGap(): void {
    const { live } = this.#maps.sources;
    const before = this.#floor(live, this.#now);
    const after = this.#firstAfterNow(live);
    if (before === undefined && after === undefined) {
      if (this.#hasHead) this.#maps.head.delete(this.#key.bytes, this.#key.head());
      return;
    }
    const gap = { validFrom: before?.validTo ?? MINUS_INFINITY, validTo: after?.validFrom ?? PLUS_INFINITY };
    const length = record.writeGap(gap, this.#tx);
    this.#maps.head.put(this.#key.bytes, this.#key.head(), record.bytes, length);
  }

  #firstAfterNow(live: ByteSource | undefined): StoredSlice | undefined {
    if (live === undefined) return undefined;
    const upper = this.#key.end();
    const lowerLength = this.#key.live(this.#now + 1n);
    const bounds = { lower: this.#key.bytes, lowerLength, upper: upper.bytes, upperLength: upper.length };
    const cursor = new Cursor(live.tree, live.reader, bounds, false);
    return cursor.next() ? found.at(live, cursor.frame, cursor.slot, "live").slice() : undefined;
  }
}
