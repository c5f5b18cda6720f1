/**
 * By which ids a memory knows records. A record has a key in the store, and its id is that key, unless the key was
 * taken where the memory that made the record cannot see: then the key is another one, and the id that was chosen is
 * noted for that memory and those of scopes below it. Guarantees: within a memory, an id is one record, and a record
 * has one id; what a memory is told about an id depends on nothing outside of its scope.
 */
import type { Transaction } from "../temporal/transaction.js";
import { NAMES, RECORDS, type RecordEntry } from "./maps.js";
import { containsScope, type ScopePath, scopesAbove } from "./scope.js";
import type { MapsOf } from "./stored-map.js";

/** A record that a memory reaches. */
export interface FoundRecord {
  /** In the store. */
  readonly key: string;
  readonly entry: RecordEntry;
}

/** Characters of a chosen id that are kept in a key of another. */
const MAX_KEPT = 180;

/** The entry of a record, or undefined. */
export function recordEntry(maps: MapsOf, key: string): RecordEntry | undefined {
  return RECORDS.in(maps).get([key]);
}

/** The record that a memory of this root knows by this id, or undefined. */
export function findRecord(maps: MapsOf, root: ScopePath, id: string): FoundRecord | undefined {
  return foundByName(maps, root, id) ?? foundByKey(maps, root, id);
}

function foundByName(maps: MapsOf, root: ScopePath, id: string): FoundRecord | undefined {
  // A memory that sees everything makes no record whose key is taken.
  if (root === "") return undefined;
  const names = NAMES.in(maps);
  for (const path of [root, ...scopesAbove(root, "")]) {
    const key = names.get([path, id]);
    const found = key === undefined ? undefined : reached(maps, root, key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function foundByKey(maps: MapsOf, root: ScopePath, id: string): FoundRecord | undefined {
  const found = reached(maps, root, id);
  return found !== undefined && idOf(found.key, found.entry, root) === id ? found : undefined;
}

function reached(maps: MapsOf, root: ScopePath, key: string): FoundRecord | undefined {
  const entry = recordEntry(maps, key);
  return entry !== undefined && containsScope(root, entry.path) ? { key, entry } : undefined;
}

/** The id by which a memory of this root, which reaches the record, knows it. */
export function idOf(key: string, { named }: RecordEntry, root: ScopePath): string {
  return named !== undefined && containsScope(named.path, root) ? named.id : key;
}

/**
 * The scope below a root in which an id that is free at the root is that of a record, on the way down to `path`. A
 * record of this id that is made there would be the second one.
 */
export function scopeOfNamesake(maps: MapsOf, root: ScopePath, path: ScopePath, id: string): ScopePath | undefined {
  if (path === root) return undefined;
  const names = NAMES.in(maps);
  return [path, ...scopesAbove(path, root)].find((scope) => scope !== root && names.has([scope, id]));
}

/** Whether an id that a memory of this root does not know is one above it, and so no key for what is seen there too. */
export function isNamedAbove(maps: MapsOf, root: ScopePath, id: string): boolean {
  if (root === "") return false;
  const names = NAMES.in(maps);
  return scopesAbove(root, "").some((scope) => names.has([scope, id]));
}

/** A key that nothing has, for the record of this number, whose id is taken as a key. */
export function freeKey(tx: Transaction, id: string, number: number): string {
  const kept = id.length <= MAX_KEPT ? id : id.slice(0, MAX_KEPT).replace(/[\uD800-\uDBFF]$/, "");
  let key = `${kept}~${number}`;
  while (recordEntry(tx, key) !== undefined || tx.versions(key).length > 0) key += "~";
  return key;
}
