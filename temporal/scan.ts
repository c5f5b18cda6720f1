/**
 * All keys of a range at one point, in order. Guarantees: lazy; one answer a key; a scan of now reads the heads and
 * nothing else where they have not run out; a scan of the past merges them with what the bounds of history let through,
 * which is at most one slice a key.
 */
import { Cursor } from "../btree/cursor.js";
import { FilterCursor } from "../btree/filter-cursor.js";
import { floorEntry } from "../engine/byte-source.js";
import { HeldIterator } from "../engine/held-iterator.js";
import { type Key, KeyBuffer } from "../engine/key.js";
import type { ParsedRange } from "../engine/range.js";
import { valueCodec } from "../engine/value.js";
import { compareBytes } from "../pager/bytes.js";
import { FoundSlice } from "./found-slice.js";
import { encodeInstant, INSTANT_BYTES } from "./instant.js";
import { type TemporalMaps, TX_TO_FIELD } from "./maps.js";
import { leafValueBytes, type Point, pointLimits, valueBytes } from "./reader.js";
import { readU32 } from "./slice-record.js";
import type { HeldSources } from "./sources.js";
import { decodeOnlyKey, StoredKey } from "./stored-key.js";

const codec = valueCodec("msgpack");
/** More slices between two answers are passed over faster by looking for the end of the key. */
const MANY_SLICES = 16;
const LEAPS = 32;

/** The slices at a point, one a key; `found` is the current one. */
export class SliceScan {
  /** The current slice, in place: valid until the next call. */
  found: FoundSlice;
  readonly #maps: TemporalMaps;
  readonly #micros: bigint;
  readonly #high: number;
  readonly #low: number;
  readonly #tx: number;
  readonly #reverse: boolean;
  readonly #heads: Cursor | null;
  readonly #closed: FilterCursor | null;
  readonly #current = new FoundSlice();
  readonly #live = new FoundSlice();
  readonly #past = new FoundSlice();
  readonly #key = new StoredKey();
  readonly #behind = new KeyBuffer();
  /** For this many keys the rest of their slices is skipped in one step. */
  #leaps = 0;
  /** The next answer from head or live, and from history; null at their end. */
  #fromNow: FoundSlice | null = null;
  #fromPast: FoundSlice | null = null;
  #started = false;
  /** Which of them was given out. */
  #gave: "now" | "past" | "both" = "both";

  constructor(held: HeldSources, point: Point, { bounds, reverse }: ParsedRange) {
    const maps = held.maps();
    const { head, history } = maps;
    this.#maps = maps;
    this.#micros = point.validAt ?? BigInt(held.nowMicros());
    const bytes = new Uint8Array(INSTANT_BYTES);
    encodeInstant(this.#micros, bytes, 0);
    this.#high = readU32(bytes, 0);
    this.#low = readU32(bytes, 4);
    this.#tx = point.tx;
    this.#reverse = reverse;
    this.found = this.#current;
    this.#heads = head === undefined ? null : new Cursor(head.tree, head.reader, bounds, reverse);
    if (head !== undefined && this.#heads !== null) held.track(head.tree, this.#heads);
    const limits = point.tx === Number.POSITIVE_INFINITY ? null : pointLimits(this.#micros, point.tx);
    const asksPast = history !== undefined && limits !== null;
    this.#closed = asksPast
      ? new FilterCursor(history.tree, history.reader, bounds, limits, reverse, TX_TO_FIELD)
      : null;
  }

  /** Moves to the next key that has an answer. */
  next(): boolean {
    if (!this.#started || this.#gave !== "past") this.#fromNow = this.#nextNow();
    // Looking at the one, or waiting for its turn, must not lose the other.
    if (this.#closed !== null) this.#fromNow?.keep();
    if (!this.#started || this.#gave !== "now") this.#fromPast = this.#nextPast()?.keep() ?? null;
    this.#started = true;
    const order = this.#order();
    if (order === null) return false;
    this.#gave = order < 0 ? "now" : order > 0 ? "past" : "both";
    const found = order <= 0 ? this.#fromNow : this.#fromPast;
    if (found !== null) this.found = found;
    return true;
  }

  /** Less than 0 where the answer from now comes first; null where there is none. */
  #order(): number | null {
    const now = this.#fromNow;
    const past = this.#fromPast;
    if (now === null) return past === null ? null : 1;
    if (past === null) return -1;
    const order = compareBytes(now.key, 0, now.stemLength, past.key, 0, past.stemLength);
    return this.#reverse ? -order : order;
  }

  #nextNow(): FoundSlice | null {
    const { head } = this.#maps;
    if (head === undefined || this.#heads === null) return null;
    while (this.#heads.next()) {
      const found = this.#current.at(head, this.#heads.frame, this.#heads.slot, "head");
      const { record } = found;
      if (record.startsBy(this.#high, this.#low) && record.endsAfter(this.#high, this.#low)) {
        if (!record.isGap && record.txFrom <= this.#tx) return found;
        // The head says what holds then: nothing, or what was not known yet.
        continue;
      }
      const live = this.#findLive(found);
      if (live !== null) return live;
    }
    return null;
  }

  #findLive(of: FoundSlice): FoundSlice | null {
    const { live } = this.#maps;
    if (live === undefined) return null;
    this.#key.copy(of.key, of.stemLength);
    const found = this.#live;
    if (!floorEntry(live, this.#key.bytes, this.#key.live(this.#micros), found.entry)) return null;
    found.at(live, found.entry.frame, found.entry.slot, "live");
    const holds = this.#key.begins(found.key, found.keyLength) && found.record.validTo > this.#micros;
    return holds && found.record.txFrom <= this.#tx ? found : null;
  }

  #nextPast(): FoundSlice | null {
    const { history } = this.#maps;
    if (history === undefined || this.#closed === null) return null;
    // A key has one answer at a point: the rest of its slices is passed over, where there are many.
    if (this.#closed.passed > MANY_SLICES) this.#leaps = LEAPS;
    if (this.#fromPast !== null && !this.#reverse && this.#leaps-- > 0) {
      this.#key.copy(this.#past.key, this.#past.stemLength);
      const length = this.#key.endInto(this.#behind);
      this.#closed.seek(this.#behind.bytes, length);
    }
    if (!this.#closed.next()) return null;
    return this.#past.at(history, this.#closed.frame, this.#closed.slot, "history");
  }

  /** The key of the current slice. */
  key(): Key {
    return decodeOnlyKey(this.found.key, this.found.stemLength);
  }

  /** The encoded value of the current slice; valid until the next call only. */
  valueBytes(): Uint8Array {
    const { record } = this.found;
    if (record.isInline) return record.u8.subarray(record.valueAt, record.end);
    this.#key.copy(this.found.key, this.found.stemLength);
    return valueBytes(this.#maps, this.#key, this.found.value());
  }

  /** As `valueBytes`; null where the value is too large for a leaf, and then it is not read. */
  leafValueBytes(): Uint8Array | null {
    const { record } = this.found;
    if (record.isInline) return record.u8.subarray(record.valueAt, record.end);
    this.#key.copy(this.found.key, this.found.stemLength);
    return leafValueBytes(this.#maps, this.#key, this.found.value());
  }
}

/** Keys and values at one point; what it holds is let go at its end, or when the loop is left. */
export class ScanIterator<V> extends HeldIterator<[Key, V]> {
  readonly #scan: SliceScan;
  #held: HeldSources | null;
  #left: number;
  #skip: number;

  constructor(held: HeldSources, point: Point, range: ParsedRange) {
    super();
    this.#held = held;
    this.#left = range.limit;
    this.#skip = range.offset;
    this.#scan = new SliceScan(held, point, range);
  }

  next(): IteratorResult<[Key, V], undefined> {
    if (this.#held === null) return { done: true, value: undefined };
    this.#held.requireOpen();
    for (; this.#left > 0 && this.#scan.next(); this.#skip--) {
      if (this.#skip > 0) continue;
      this.#left--;
      return { done: false, value: this.#entry() };
    }
    return this.return();
  }

  #entry(): [Key, V] {
    const value = codec.decode(this.#scan.valueBytes()) as V;
    return [this.#scan.key(), value];
  }

  return(): IteratorResult<[Key, V], undefined> {
    this.#held?.release();
    this.#held = null;
    return { done: true, value: undefined };
  }
}
