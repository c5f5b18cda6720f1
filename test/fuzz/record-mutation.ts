/**
 * Changes of stored records, by their bytes and by their structure, in every map that the store and the memory keep for
 * themselves. Guarantees: the same random numbers make the same mutant; what is written is a whole database, whose
 * checksums, trees and bounds are right: only what the records say is not.
 */
import { Cursor } from "../../btree/cursor.js";
import { copyKey } from "../../btree/node.js";
import { copyValue, Entry } from "../../engine/entry.js";
import { putEntry, removeEntry } from "../../engine/entry-change.js";
import { writerOf } from "../../engine/transaction.js";
import { type ValueFormat, valueCodec } from "../../engine/value.js";
import type { WorkingMap } from "../../engine/working-map.js";
import type { WriteTransaction } from "../../engine/write-transaction.js";
import { LlmdbError, open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { HEAD, HISTORY, LIVE, MENTIONS, TRANSACTIONS, VALUES } from "../../temporal/maps.js";
import { RecordView } from "../../temporal/slice-record.js";
import type { Random } from "../harness/random.js";
import { readAll, SAMPLE_PATH } from "./sample.js";

const STORE_MAPS = [HEAD, LIVE, HISTORY, VALUES, TRANSACTIONS, MENTIONS];
const KEY_ROOM = 8;
const EVERYTHING = { lower: null, lowerLength: 0, upper: null, upperLength: 0 };
const msgpack = valueCodec("msgpack");
const textDecoder = new TextDecoder();

/** One entry of a map, as it is stored. */
interface Stored {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Values that are most of the time not what was there. */
const ODD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  2 ** 31,
  2 ** 53,
  1e300,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2n ** 63n,
  "",
  "a",
  "constructor",
  "__proto__",
  "\ud800",
  [],
  [null],
  [[], {}],
  {},
  { kind: "fact" },
  { kind: "entity", name: "ada" },
  new Uint8Array(3),
  new Date(Number.NaN),
  new Date(0),
];

/** A database with some records changed. */
export async function mutateRecords(file: Uint8Array, random: Random): Promise<Uint8Array> {
  const storage = memoryStorage();
  storage.open(SAMPLE_PATH, "create").write(file, 0, file.length, 0);
  const db = open(SAMPLE_PATH, { storage });
  const names = [...STORE_MAPS, ...db.mapNames().filter((name) => name.startsWith("memory/"))];
  db.transactionSync((tx) => {
    const writer = writerOf(tx);
    for (let changes = 1 + random.below(4); changes > 0; changes--) change(writer, random.pick(names), random);
  });
  await db.close();
  return readAll(storage, SAMPLE_PATH);
}

function change(writer: WriteTransaction, name: string, random: Random): void {
  const map = writer.map(name);
  const { format } = map;
  const entries = entriesOf(writer, map);
  if (format === null || entries.length === 0) return;
  const entry = random.pick(entries);
  const other = random.pick(entries);
  switch (random.below(12)) {
    case 0:
      write(writer, map, format, otherKey(entry.key, other.key, random), entry.value);
      break;
    case 1:
      removeEntry(writer, map, padded(entry.key), entry.key.length);
      break;
    case 2:
      write(writer, map, format, entry.key, other.value);
      break;
    case 3:
    case 4:
      write(writer, map, format, entry.key, otherBytes(entry.value, random));
      break;
    default:
      write(writer, map, format, entry.key, restructured(name, format, entry.value, other.value, random));
  }
}

function entriesOf(writer: WriteTransaction, map: WorkingMap): Stored[] {
  const { writeSet, state } = writer;
  const { reader } = writeSet;
  const keyBytes = new Uint8Array(65536);
  const found = new Entry();
  const entries: Stored[] = [];
  for (const cursor = new Cursor(map.tree, reader, EVERYTHING, false); cursor.next(); ) {
    const { cache } = reader;
    const length = copyKey(cache.views(cursor.frame), cache.base(cursor.frame), cursor.slot, keyBytes);
    found.set(reader, cursor.frame, cursor.slot);
    entries.push({ key: keyBytes.slice(0, length), value: copyValue(reader, found, state.store.extents).slice() });
  }
  return entries;
}

function write(
  writer: WriteTransaction,
  map: WorkingMap,
  format: ValueFormat,
  key: Uint8Array,
  value: Uint8Array,
): void {
  try {
    putEntry(writer, map, format, padded(key), key.length, value, value.length);
  } catch (error) {
    // A map that keeps bounds of fields takes no value without them.
    if (!(error instanceof LlmdbError) && !(error instanceof RangeError)) throw error;
  }
}

/** Comparing keys reads beyond their ends. */
function padded(key: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(key.length + KEY_ROOM);
  bytes.set(key);
  return bytes;
}

function otherKey(key: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  const at = random.below(key.length);
  switch (random.below(4)) {
    case 0:
      return key.slice(0, Math.max(1, at));
    case 1:
      return Buffer.concat([key, random.fill(new Uint8Array(1 + random.below(9)))]);
    case 2:
      return Buffer.concat([key.subarray(0, at), other.subarray(Math.min(at, other.length))]);
    default: {
      const changed = key.slice();
      changed[at] = random.next();
      return changed;
    }
  }
}

function otherBytes(value: Uint8Array, random: Random): Uint8Array {
  if (value.length === 0) return random.fill(new Uint8Array(1 + random.below(20)));
  const at = random.below(value.length);
  const changed = value.slice();
  switch (random.below(5)) {
    case 0:
      return value.slice(0, at);
    case 1:
      return Buffer.concat([value, random.fill(new Uint8Array(1 + random.below(9)))]);
    case 2:
      changed[at] ^= 1 << random.below(8);
      return changed;
    case 3:
      changed[at] = random.pick([0, 1, 0x7f, 0x80, 0xff]);
      return changed;
    default:
      return changed.copyWithin(at, random.below(value.length));
  }
}

/** The same with something else in the place of a part of it. */
function restructured(
  name: string,
  format: ValueFormat,
  value: Uint8Array,
  other: Uint8Array,
  random: Random,
): Uint8Array {
  const at = name === HEAD || name === LIVE || name === HISTORY ? valueAt(name, value) : 0;
  const head = value.subarray(0, at);
  if (name === TRANSACTIONS || name === MENTIONS || (format === "bytes") === (at === 0 && name !== VALUES)) {
    return otherBytes(value, random);
  }
  try {
    const decoded = decode(format, value.subarray(at));
    const foreign = decode(format, other.subarray(Math.min(at, other.length)));
    return Buffer.concat([head, encode(format, withOther(decoded, foreign, random))]);
  } catch (error) {
    if (!(error instanceof LlmdbError) && !(error instanceof TypeError)) throw error;
    return otherBytes(value, random);
  }
}

/** Where the value stands in the record of a slice; at its end where it lies elsewhere. */
function valueAt(name: string, record: Uint8Array): number {
  return new RecordView().read(record, 0, record.length, name === HEAD).valueAt;
}

function decode(format: ValueFormat, bytes: Uint8Array): unknown {
  return format === "json" ? JSON.parse(textDecoder.decode(bytes)) : msgpack.decode(bytes);
}

function encode(format: ValueFormat, value: unknown): Uint8Array {
  return format === "json" ? Buffer.from(JSON.stringify(value) ?? "null") : msgpack.encode(value).slice();
}

/** A value with another one in place of one of its parts, or of all of it. */
function withOther(value: unknown, foreign: unknown, random: Random): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || random.chance(0.1)) {
    return random.chance(0.2) ? foreign : random.pick(ODD);
  }
  if (Array.isArray(value)) {
    const list: unknown[] = [...value];
    const at = random.below(list.length + 1);
    if (random.chance(0.2)) list.splice(at, 1);
    else list[at] = withOther(list[at], foreign, random);
    return list;
  }
  const entries = Object.entries(value);
  if (entries.length === 0) return random.pick(ODD);
  const at = random.below(entries.length);
  const [field, inner] = entries[at];
  if (random.chance(0.25)) entries.splice(at, 1);
  else entries[at] = [field, withOther(inner, foreign, random)];
  return Object.fromEntries(entries);
}
