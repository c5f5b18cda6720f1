/**
 * What `verify()` says about the store: the rules of both time axes, and whether the transaction log tells the same
 * story as the slices. Guarantees: every slice and every value is looked at; nothing is changed.
 */

import { type Bounds, Cursor } from "../btree/cursor.js";
import { keyBuffer, type PaddedKey, paddedCopy } from "../btree/key-bytes.js";
import type { ByteSource } from "../engine/byte-source.js";
import { valueCodec } from "../engine/value.js";
import type { VerifyProgress, VerifyReport } from "../engine/verify.js";
import { LlmdbError } from "../pager/error.js";
import { DisjointSlices } from "./disjoint-slices.js";
import { FoundSlice } from "./found-slice.js";
import { HEAD, HISTORY, LIVE, MENTIONS, type TemporalMaps, TRANSACTIONS } from "./maps.js";
import { allMentions } from "./mention.js";
import { everythingOf, knownSlices, valueBytes } from "./reader.js";
import { LogReplay } from "./replay.js";
import { meetsSpan } from "./slice.js";
import type { RecordKind, StoredSlice } from "./slice-record.js";
import type { Sources } from "./sources.js";
import { decodeOnlyKey, StoredKey } from "./stored-key.js";

type Problems = VerifyReport["problems"];

/** This many slices are looked at between two yields, which cost as much as some of them. */
const STEP_SLICES = 16;
const EVERYTHING: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const codec = valueCodec("msgpack");
const found = new FoundSlice();

/** Returns what is wrong with one state of the store; the trees themselves are whole. Yields how far it has come. */
export function* checkStore(sources: Sources): Generator<VerifyProgress, Problems> {
  const problems: Problems = [];
  const progress: VerifyProgress = { phase: "facts", done: 0, total: 0 };
  try {
    const maps = sources.maps();
    const { head, live, history, transactions } = maps;
    for (const map of [head, live, history, transactions]) progress.total += map?.tree.root.entries ?? 0;
    const replay = new LogReplay(transactions, (what) => problems.push({ map: TRANSACTIONS, what }));
    for (const rows of replay.read(sources.latestTx)) yield advanced(progress, rows);
    let steps = 0;
    for (const key of keysOf(maps)) {
      for (const entries of checkKey(maps, key, replay, problems)) {
        advanced(progress, entries);
        if (++steps % STEP_SLICES === 0) yield progress;
      }
    }
    for (const _slice of replay.finish()) yield progress;
    const mentions = replay.compareMentions(allMentions(maps), (what) => problems.push({ map: MENTIONS, what }));
    for (const _mention of mentions) yield progress;
    progress.done = progress.total;
    yield progress;
  } catch (error) {
    // A database that is closed meanwhile is not damaged.
    if (!(error instanceof LlmdbError) || error.code === "LLMDB_CLOSED") throw error;
    problems.push({ what: error.message });
  }
  return problems;
}

function advanced(progress: VerifyProgress, entries: number): VerifyProgress {
  progress.done = Math.min(progress.total, progress.done + entries);
  return progress;
}

/** Every key that any of the maps knows, once. */
function* keysOf(maps: TemporalMaps): Generator<StoredKey> {
  const places: [ByteSource | undefined, RecordKind][] = [
    [maps.head, "head"],
    [maps.live, "live"],
    [maps.history, "history"],
  ];
  for (let after: PaddedKey = { bytes: keyBuffer(0), length: 0 }; ; ) {
    let next: StoredKey | null = null;
    for (const [source, kind] of places) {
      const first = source && firstKey(source, kind, after);
      if (first && (next === null || Buffer.compare(first.slice(), next.slice()) < 0)) next = first;
    }
    if (next === null) return;
    yield next;
    const end = next.end();
    after = { bytes: paddedCopy(end.bytes, end.length), length: end.length };
  }
}

/** The first key at a place or after it. */
function firstKey(source: ByteSource, kind: RecordKind, from: PaddedKey): StoredKey | null {
  const bounds = { ...EVERYTHING, lower: from.bytes, lowerLength: from.length };
  const cursor = new Cursor(source.tree, source.reader, bounds, false);
  if (!cursor.next()) return null;
  found.at(source, cursor.frame, cursor.slot, kind);
  const key = new StoredKey();
  key.copy(found.key, found.stemLength);
  return key;
}

/** Looks at one key, a slice at a time: yields how many entries were read. */
function* checkKey(maps: TemporalMaps, key: StoredKey, replay: LogReplay, problems: Problems): Generator<number, void> {
  const name = describe(key);
  const problem = (map: string, what: string) => problems.push({ map, what: `key ${name}: ${what}` });
  const known = knownSlices({ ...maps, live: undefined }, key);
  yield known.length;
  yield* readSlices(maps.live, "live", key, known);
  const closed: StoredSlice[] = [];
  yield* readSlices(maps.history, "history", key, closed);
  yield* checkHead(maps, key, known, (what) => problem(HEAD, what));
  for (const [slices, map] of [
    [known, LIVE],
    [closed, HISTORY],
  ] as const) {
    for (const slice of slices) {
      checkSlice(maps, key, slice, (what) => problem(map, what));
      yield 0;
    }
  }
  // History is in the order of its last transactions, and what is known now comes after it.
  const slices = closed.concat(known);
  for (const _slice of checkDisjoint(slices, (what) => problem(HISTORY, what))) yield 0;
  for (const _slice of replay.compare(key, slices, (what) => problem(TRANSACTIONS, what))) yield 0;
}

/** Reads the slices of a key in one of the maps, in their order. */
function* readSlices(
  source: ByteSource | undefined,
  kind: RecordKind,
  key: StoredKey,
  into: StoredSlice[],
): Generator<number, void> {
  if (source === undefined) return;
  for (const cursor = new Cursor(source.tree, source.reader, everythingOf(key), false); cursor.next(); yield 1) {
    into.push(found.at(source, cursor.frame, cursor.slot, kind).slice());
  }
}

function describe(key: StoredKey): string {
  const decoded = decodeOnlyKey(key.bytes, key.length);
  return typeof decoded === "string" ? JSON.stringify(decoded) : String(decoded);
}

/** The head stands for every key of which anything is known, and says right what holds in its stretch. */
function* checkHead(
  { head }: TemporalMaps,
  key: StoredKey,
  known: readonly StoredSlice[],
  problem: (what: string) => void,
): Generator<number, void> {
  const bounds = { lower: paddedCopy(key.bytes, key.head()), lowerLength: key.length, ...upperOf(key) };
  const cursor = head && new Cursor(head.tree, head.reader, bounds, false);
  if (head === undefined || cursor === undefined || !cursor.next()) {
    if (known.length > 0) problem("it has slices but no head");
    return;
  }
  const { record } = found.at(head, cursor.frame, cursor.slot, "head");
  const { validFrom, validTo, isGap } = record;
  if (validFrom >= validTo) problem("its head covers no time");
  if (isGap && known.length === 0) problem("it has a head but no slices");
  let inside = 0;
  for (const slice of known) {
    if (meetsSpan(slice, { from: validFrom, to: validTo })) inside++;
    yield 0;
  }
  if (isGap && inside > 0) problem("its head says that nothing holds where something does");
  if (!isGap && inside !== 1) problem("its head and its other slices overlap");
}

function upperOf(key: StoredKey): { upper: Uint8Array; upperLength: number } {
  const { bytes, length } = key.end();
  return { upper: bytes, upperLength: length };
}

function checkSlice(maps: TemporalMaps, key: StoredKey, slice: StoredSlice, problem: (what: string) => void): void {
  if (slice.validFrom >= slice.validTo) problem("a slice covers no time");
  if (slice.txFrom >= slice.txTo) problem("a slice was closed before it was known");
  if (slice.origin > slice.txFrom) problem("a slice is older than its origin");
  try {
    codec.decode(valueBytes(maps, key, slice.value));
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    problem(error.message);
  }
  // Not needed any more: all values of a key may be more than memory holds.
  slice.value.bytes = null;
}

/**
 * No two slices overlap on both axes: at each transaction, those that are known are apart in valid time.
 *
 * @param slices in the order of the transactions in which they were closed
 */
function* checkDisjoint(slices: readonly StoredSlice[], problem: (what: string) => void): Generator<void, void> {
  const beginning = new Map<number, StoredSlice[]>();
  for (const slice of slices) {
    // What covers nothing on one of the axes is reported on its own, and overlaps with nothing.
    if (slice.validFrom >= slice.validTo || slice.txFrom >= slice.txTo) continue;
    const others = beginning.get(slice.txFrom);
    if (others === undefined) beginning.set(slice.txFrom, [slice]);
    else others.push(slice);
    yield;
  }
  const known = new DisjointSlices<StoredSlice>();
  let ended = 0;
  // Numbers in a typed array are sorted fast enough for one step, however many there are.
  for (const tx of Float64Array.from(beginning.keys()).sort()) {
    for (; ended < slices.length && slices[ended].txTo <= tx; ended++) {
      known.remove(slices[ended]);
      yield;
    }
    for (const slice of beginning.get(tx) ?? []) {
      if (!known.add(slice)) problem(`two slices known in transaction ${tx} overlap in valid time`);
      yield;
    }
  }
}
