/**
 * What `verify()` says about the store: the rules of both time axes, and whether the transaction log tells the same
 * story as the slices. Guarantees: every slice and every value is looked at; nothing is changed.
 */
import { type Bounds, Cursor } from "../btree/cursor.js";
import type { ByteSource } from "../engine/byte-map.js";
import { valueCodec } from "../engine/value.js";
import type { VerifyProgress, VerifyReport } from "../engine/verify.js";
import { LlmdbError } from "../pager/error.js";
import { FoundSlice } from "./found-slice.js";
import { MINUS_INFINITY, PLUS_INFINITY } from "./instant.js";
import { HEAD, HISTORY, LIVE, MENTIONS, type TemporalMaps, TRANSACTIONS } from "./maps.js";
import { allMentions } from "./mention.js";
import { closedSlices, knownSlices, valueBytes } from "./reader.js";
import { LogReplay } from "./replay.js";
import type { RecordKind, StoredSlice } from "./slice-record.js";
import type { Sources } from "./sources.js";
import { decodeOnlyKey, StoredKey } from "./stored-key.js";

type Problems = VerifyReport["problems"];

const EVERYTHING: Bounds = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const ALL = { validFrom: MINUS_INFINITY, validTo: PLUS_INFINITY, txFrom: 0, txTo: Number.POSITIVE_INFINITY };
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
    for (const _row of replay.read(sources.latestTx)) yield advanced(progress, 1);
    for (const key of keysOf(maps)) yield advanced(progress, checkKey(maps, key, replay, problems));
    for (const _key of replay.finish()) yield progress;
    replay.compareMentions(allMentions(maps), (what) => problems.push({ map: MENTIONS, what }));
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
  for (let after: Uint8Array = new Uint8Array(8); ; ) {
    let next: StoredKey | null = null;
    for (const [source, kind] of places) {
      const first = source && firstKey(source, kind, after);
      if (first && (next === null || Buffer.compare(first.slice(), next.slice()) < 0)) next = first;
    }
    if (next === null) return;
    yield next;
    const end = next.end();
    after = end.bytes.slice(0, end.length + 8);
  }
}

/** The first key at a place or behind it. @param from padded with eight zero bytes */
function firstKey(source: ByteSource, kind: RecordKind, from: Uint8Array): StoredKey | null {
  const bounds = { ...EVERYTHING, lower: from, lowerLength: from.length - 8 };
  const cursor = new Cursor(source.tree, source.reader, bounds, false);
  if (!cursor.next()) return null;
  found.at(source, cursor.frame, cursor.slot, kind);
  const key = new StoredKey();
  key.copy(found.key, found.stemLength);
  return key;
}

/** Returns how many slices it has. */
function checkKey(maps: TemporalMaps, key: StoredKey, replay: LogReplay, problems: Problems): number {
  const name = describe(key);
  const problem = (map: string, what: string) => problems.push({ map, what: `key ${name}: ${what}` });
  const known = knownSlices(maps, key);
  const closed = closedSlices(maps, key, ALL);
  checkHead(maps, key, known, (what) => problem(HEAD, what));
  for (const slice of known) checkSlice(maps, key, slice, (what) => problem(LIVE, what));
  for (const slice of closed) checkSlice(maps, key, slice, (what) => problem(HISTORY, what));
  checkDisjoint([...known, ...closed], (what) => problem(HISTORY, what));
  replay.compare(key, [...known, ...closed], (what) => problem(TRANSACTIONS, what));
  return known.length + closed.length;
}

function describe(key: StoredKey): string {
  const decoded = decodeOnlyKey(key.bytes, key.length);
  return typeof decoded === "string" ? JSON.stringify(decoded) : String(decoded);
}

/** The head stands for every key of which anything is known, and says right what holds in its stretch. */
function checkHead(
  { head }: TemporalMaps,
  key: StoredKey,
  known: readonly StoredSlice[],
  problem: (what: string) => void,
): void {
  const bounds = { lower: key.bytes.slice(0, key.head() + 8), lowerLength: key.length, ...upperOf(key) };
  const cursor = head && new Cursor(head.tree, head.reader, bounds, false);
  if (head === undefined || cursor === undefined || !cursor.next()) {
    if (known.length > 0) problem("it has slices but no head");
    return;
  }
  const { record } = found.at(head, cursor.frame, cursor.slot, "head");
  const { validFrom, validTo } = record;
  if (validFrom >= validTo) problem("its head covers no time");
  const inside = known.filter((slice) => slice.validFrom < validTo && validFrom < slice.validTo);
  if (record.isGap && inside.length > 0) problem("its head says that nothing holds where something does");
  if (record.isGap && known.length === 0) problem("it has a head but no slices");
  if (!record.isGap && inside.length !== 1) problem("its head and its other slices overlap");
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
}

/** No two slices overlap on both axes: at each transaction, those that are known are apart in valid time. */
function checkDisjoint(slices: readonly StoredSlice[], problem: (what: string) => void): void {
  let active: StoredSlice[] = [];
  for (const slice of [...slices].sort((a, b) => a.txFrom - b.txFrom)) {
    active = active.filter(({ txTo }) => txTo > slice.txFrom);
    if (active.some((other) => other.validFrom < slice.validTo && slice.validFrom < other.validTo)) {
      problem(`two slices known in transaction ${slice.txFrom} overlap in valid time`);
    }
    active.push(slice);
  }
}
