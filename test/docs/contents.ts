/** What the tests of the format write, and what API and second reader give of it, in a form to compare. */
import { createHash } from "node:crypto";
import { inspect } from "node:util";
import { expect } from "vitest";
import type { BoundFields } from "../../btree/bounds.js";
import { ByteMapWriter } from "../../engine/byte-map.js";
import { encodeKey, KeyBuffer } from "../../engine/key.js";
import type { Database, Key } from "../../index.js";
import { engineOf } from "../engine-of.js";
import { readKey } from "./second-keys.js";
import { type Checkpoint, type ReadMap, SecondReader } from "./second-reader.js";

/** By map, in order: each key and its value as a line of text. */
export type Contents = Record<string, string[]>;

/** The same numbers in every run. */
export function numbersFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const FIELDS: BoundFields = [
  { of: "key", offset: 9, bytes: 6, keeps: "least" },
  { of: "value", offset: 1, bytes: 16, keeps: "greatest" },
  { of: "key", offset: 3, bytes: 1, keeps: "greatest" },
];

/** Changes a map that keeps bounds, as only the layers above the engine have them: keys are text, values short. */
export function changeBounded(db: Database, below: (below: number) => number, times: number): void {
  const engine = engineOf(db);
  const [key, upper] = [new KeyBuffer(), new KeyBuffer()];
  const text = (length: number): string => Array.from({ length }, () => "abcdé\0\u0001"[below(7)]).join("");
  engine.runBlocking((tx) => {
    const map = new ByteMapWriter(tx, "bounded", FIELDS);
    for (let i = 0; i < times; i++) {
      const [start, row] = ["b".repeat(below(2) * 200), below(3000)];
      encodeKey(`${start}${String(row).padStart(4, "0")} ${text(9)}`, key, 500);
      const value = Uint8Array.from({ length: 17 + below(120) }, () => below(256));
      if (i % 15 === 14) {
        encodeKey(`${start}${String(row + 50).padStart(4, "0")}`, upper, 500);
        map.clear({ lower: key.bytes, lowerLength: key.length, upper: upper.bytes, upperLength: upper.length });
      }
      map.put(key.bytes, key.length, value, value.length);
      if (below(4) === 0) map.delete(key.bytes, key.length);
    }
  }, "buffered");
}

/** Maps with every kind of key and value, many splits and merges, and holes in the file; newer than its checkpoint. */
export async function fill(db: Database): Promise<void> {
  const below = numbersFrom(7);
  const text = (length: number): string => Array.from({ length }, () => "abcdé\0\u0001"[below(7)]).join("");
  db.transactionSync((tx) => {
    const tuples = tx.map<Key>("tuples");
    for (let i = 0; i < 3000; i++) tuples.put(["product", `cycle ${below(40)}`, below(1e9)], { i, at: [i, null] });
    const long = tx.map<string, string>("long keys", { values: "string" });
    for (let i = 0; i < 300; i++) long.put(`${"p".repeat(300)}${text(below(80))}${i}`, text(below(200)));
    // Neighbours that differ late, in groups that differ early: long separators under a short prefix.
    for (let i = 0; i < 1000; i++) long.put(`${below(60)}${"q".repeat(250)}${i}`, text(20));
    const large = tx.map<number, Uint8Array>("large", { values: "bytes" });
    for (let i = 0; i < 300; i++) large.put(i, new Uint8Array(below(3) * 5000 + below(2000)).fill(i));
  });
  changeBounded(db, below, 1500);
  await db.checkpoint();
  changeBounded(db, below, 300);
  db.transactionSync((tx) => {
    const all = tx.map<Key, unknown>("all types", { values: "json" });
    const numbers = [0, 1, -1, 1.5, -1.5, 0.5, 300, 1e-300, 2 ** 53, -(2 ** 63), 1e300, Infinity, -Infinity];
    const keys: Key[] = [
      null,
      true,
      false,
      ...numbers,
      2n ** 64n,
      -(2n ** 200n),
      "",
      "a\0b",
      new Uint8Array([0, 1, 2]),
    ];
    for (const key of keys) {
      all.put(key, String(key));
      all.put([key, [key, "x"]], [1]);
    }
    all.put([], {});
    tx.map("a map with a name that is longer, ä 日本").put("k", "v");
    tx.map("emptied").put("k", "v");
    tx.map<Key>("tuples").clear({ prefix: ["product", "cycle 3"] });
    for (let i = 0; i < 300; i += 2) tx.map<number>("large").delete(i);
  });
  // What was freed can be used again once neither meta page reaches it.
  for (let i = 0; i < 2; i++) {
    db.map<number>("large").putSync(0, new Uint8Array(1));
    await db.checkpoint();
  }
  db.transactionSync((tx) => {
    tx.map("emptied").clear();
    // Longer than the holes, so that they go to several of them.
    for (let i = 0; i < 30; i++) tx.map<number>("large").put(1000 + i, new Uint8Array(40_000).fill(i + 1));
    const tuples = tx.map<Key, unknown>("tuples");
    for (const key of [...tuples.keys({ limit: 500, offset: 1000 })]) tuples.put(key, "shorter");
    for (const key of [...tuples.keys({ limit: 500, offset: 2000 })]) tuples.delete(key);
  });
}

function line(key: Key, value: Uint8Array): string {
  const bytes =
    value.length > 100 ? createHash("sha256").update(value).digest("hex") : Buffer.from(value).toString("hex");
  return `${inspect(key, { depth: null, maxStringLength: null, maxArrayLength: null })} = ${bytes}`;
}

/** What the API gives. */
export function contentsOf(db: Database): Contents {
  const lines = db.mapNames().map((name) => {
    const map = db.map(name);
    return [name, [...map.keys()].map((key) => line(key, map.getBytes(key)!))];
  });
  return Object.fromEntries(lines);
}

/** What the second reader gives; every page must be in exactly one place. */
export function readSecond(file: Buffer, checkpoint: Checkpoint): { reader: SecondReader; contents: Contents } {
  const reader = new SecondReader(file, checkpoint);
  const contents = linesOf(reader.maps());
  reader.accountForPages();
  return { reader, contents };
}

/** Maps of the second reader as lines. */
export function linesOf(maps: readonly ReadMap[]): Contents {
  const lines = maps.map(({ name, entries }) => {
    return [name, entries.map(([key, value]) => line(readKey(key), value))];
  });
  return Object.fromEntries(lines);
}

/** Compares thousands of lines and shows the first that differs. */
export function expectSame(read: Contents, written: Contents): void {
  expect(Object.keys(read)).toEqual(Object.keys(written));
  for (const [name, lines] of Object.entries(written)) {
    const differs = lines.findIndex((text, i) => read[name][i] !== text);
    expect([name, read[name][differs]]).toEqual([name, lines[differs]]);
    expect(read[name].length).toBe(lines.length);
  }
}
