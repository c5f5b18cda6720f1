/**
 * What a database holds, in a form that is quick to make and to compare: a hash for each value, by map and key.
 * Guarantees: two databases have the same fingerprint where they hold the same maps, keys and values, and (but for one
 * chance in 2^53) only there.
 */
import { crc32 } from "node:zlib";
import type { Key } from "../../../engine/key.js";
import type { MapReader } from "../../../engine/map-reader.js";

/** The hash of each value by map and key. A map exists from its first write until it is dropped. */
export type Contents = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Contents that a transaction is changing. */
export type Draft = Map<string, Map<string, number>>;

/** A number that stands for all of the contents. */
export type Fingerprint = number;

/** Whatever contents can be read from: a database or a snapshot. */
export interface ContentsSource {
  mapNames(): string[];
  map(name: string): MapReader<Key, unknown>;
}

/** The hash of one value: its length and its CRC, in a safe integer. */
export function hashValue(bytes: Uint8Array): number {
  return bytes.length * 0x1_0000_0000 + crc32(bytes);
}

/** Reads everything. Throws what reading throws, and where a key or value is of a kind that no workload writes. */
export function readContents(source: ContentsSource): Contents {
  const contents: Draft = new Map();
  for (const name of source.mapNames()) {
    const map = new Map<string, number>();
    for (const [key, value] of source.map(name).range()) {
      if (typeof key !== "string" || !(value instanceof Uint8Array)) {
        throw new Error(`map ${name} holds a key or a value that nobody wrote: ${String(key)}`);
      }
      map.set(key, hashValue(value));
    }
    contents.set(name, map);
  }
  return contents;
}

/** A copy that can be changed. */
export function copyContents(contents: Contents): Draft {
  return new Map([...contents].map(([name, map]) => [name, new Map(map)]));
}

/** See {@link Fingerprint}; the order of maps and keys does not matter. */
export function fingerprintOf(contents: Contents): Fingerprint {
  let high = 0;
  let low = 0;
  for (const [name, map] of contents) {
    const nameHash = textHash(name);
    low = (low + mix(nameHash)) >>> 0;
    high = (high + mix(nameHash + 1)) >>> 0;
    for (const [key, value] of map) {
      const place = mix(nameHash + Math.imul(textHash(key), 0x9e3779b1));
      const upper = Math.floor(value / 0x1_0000_0000);
      low = (low + mix(place ^ mix(value | 0) ^ upper)) >>> 0;
      high = (high + mix((place + 0x7f4a7c15) ^ mix((value | 0) + upper))) >>> 0;
    }
  }
  return (high & 0x1f_ffff) * 0x1_0000_0000 + low;
}

/** The places at which two contents differ, in words; at most a few. */
export function describeDifference(actual: Contents, expected: Contents): string {
  const places: string[] = [];
  for (const name of new Set([...actual.keys(), ...expected.keys()])) {
    const found = actual.get(name);
    const wanted = expected.get(name);
    if (found === undefined) places.push(`map ${name} is missing`);
    if (wanted === undefined) places.push(`map ${name} should not exist`);
    for (const key of new Set([...(found?.keys() ?? []), ...(wanted?.keys() ?? [])])) {
      const [is, should] = [found?.get(key), wanted?.get(key)];
      if (is !== should) places.push(`${name}/${key} is ${describeHash(is)}, not ${describeHash(should)}`);
    }
  }
  const rest = places.length > 4 ? `, and ${places.length - 4} more` : "";
  return places.length === 0 ? "nothing differs" : places.slice(0, 4).join(", ") + rest;
}

function describeHash(hash: number | undefined): string {
  if (hash === undefined) return "absent";
  return `${Math.floor(hash / 0x1_0000_0000)} bytes #${(hash % 0x1_0000_0000).toString(16)}`;
}

const textHashes = new Map<string, number>();

function textHash(text: string): number {
  let hash = textHashes.get(text);
  if (hash === undefined) {
    hash = crc32(text);
    textHashes.set(text, hash);
  }
  return hash;
}

/** Spreads the bits of a word over all of it (the finalizer of MurmurHash3, public domain). */
function mix(word: number): number {
  let mixed = word | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
