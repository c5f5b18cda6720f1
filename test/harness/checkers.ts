/**
 * Comparing a database with what it should be. Guarantees: a difference is thrown with its place and both sides,
 * shortened, so that a failing run can be read.
 */
import { isDeepStrictEqual } from "node:util";
import type { Database } from "../../engine/database.js";
import type { Key } from "../../engine/key.js";
import type { MapReader } from "../../engine/map-reader.js";
import type { ModelDatabase, ModelMap } from "./model.js";

/** Whatever maps can be read from: a database, a snapshot, a transaction. */
export interface MapSource {
  map(name: string): MapReader<Key, unknown>;
}

/** Throws where two results differ. */
export function expectSame(actual: unknown, expected: unknown, where: string): void {
  if (same(actual, expected)) return;
  throw new Error(`${where}: got ${describe(actual)}, should be ${describe(expected)}`);
}

/** Throws where `verify()` finds anything. */
export function expectClean(db: Database): void {
  const report = db.verify();
  if (report.ok && report.problems.length === 0) return;
  const problems = report.problems.slice(0, 5).map(({ map, page, what }) => `[${map ?? ""} ${page ?? ""}] ${what}`);
  throw new Error(`verify() finds ${report.problems.length} problems: ${problems.join("; ")}`);
}

/** Compares everything in a database, a snapshot or a transaction, forwards and backwards. */
export function expectState(source: MapSource, model: ModelDatabase, names: Iterable<string>, where: string): void {
  for (const name of names) expectMap(source.map(name), model.map(name), `${where}, map "${name}"`);
}

function expectMap(map: MapReader<Key, unknown>, model: ModelMap | undefined, where: string): void {
  const expected = model?.range({}) ?? [];
  expectSame(map.count(), expected.length, `${where}, count()`);
  expectSame([...map.range()], expected, `${where}, range()`);
  expectSame([...map.keys({ reverse: true })], expected.map(([key]) => key).reverse(), `${where}, keys backwards`);
  for (const [key, value] of expected) expectSame(map.get(key), value, `${where}, get(${describe(key)})`);
}

function same(a: unknown, b: unknown): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  return isDeepStrictEqual(a, b);
}

/** A short text for a message. */
export function describe(value: unknown): string {
  if (value instanceof Uint8Array) {
    const start = Buffer.from(value.subarray(0, 12)).toString("hex");
    return `${value.length} bytes ${start}${value.length > 12 ? "..." : ""}`;
  }
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map(describe).join(", ");
    return `[${shown}${value.length > 8 ? `, ... ${value.length} in all` : ""}]`;
  }
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value);
  return typeof value === "bigint" ? `${value}n` : String(value);
}
