/** Writes of bytes that were encoded elsewhere: what a reader could not read is refused, the rest is read back. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeKey, encodeKey, type Key, KeyBuffer } from "../../engine/key.js";
import { StoredWriter } from "../../engine/stored-writer.js";
import { valueCodec } from "../../engine/value.js";
import type { WriteTransaction } from "../../engine/write-transaction.js";
import { effort } from "../effort.js";
import { engineOf } from "../engine-of.js";
import { openFresh } from "../map/fresh.js";

const invalid = expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" });
const db = openFresh({ pageSize: 4096 });

function inside<T>(body: (writer: StoredWriter, tx: WriteTransaction) => T): T {
  return engineOf(db).runBlocking((tx) => body(new StoredWriter(tx), tx), "buffered").value;
}

function encoded(key: Key): [Uint8Array, number] {
  const buffer = new KeyBuffer();
  encodeKey(key, buffer, 500);
  return [buffer.bytes, buffer.length];
}

function padded(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes.length + 8);
  copy.set(bytes);
  return copy;
}

test("what was written by its bytes is read as what it means", () => {
  inside((writer) => {
    writer.put(
      "things",
      ...encoded(["a", 1]),
      valueCodec("msgpack")
        .encode({ x: [1, 2] })
        .slice(),
    );
    writer.put("texts", ...encoded("k"), Buffer.from("text"), "string");
    writer.put("texts", ...encoded("l"), Buffer.from("more"));
    writer.put("documents", ...encoded(1.5), Buffer.from('{"a":1}'), "json");
    expect(writer.delete("texts", ...encoded("l"))).toBe(true);
    expect(writer.delete("texts", ...encoded("l"))).toBe(false);
    expect(writer.read("texts", ...encoded("l"))).toBeUndefined();
    expect(writer.read("absent", ...encoded("l"))).toBeUndefined();
    expect(Buffer.from(writer.read("texts", ...encoded("k")) ?? []).toString()).toBe("text");
  });
  expect(db.map("things").get(["a", 1])).toEqual({ x: [1, 2] });
  expect(db.map("texts", { values: "string" }).get("k")).toBe("text");
  expect(db.map("documents").get(1.5)).toEqual({ a: 1 });
});

test("what is no value of the map is refused, and nothing has happened", () => {
  inside((writer, tx) => {
    const [key, length] = encoded("new");
    expect(() => writer.put("things", key, length, Uint8Array.of(0xc1))).toThrow(invalid);
    expect(() => writer.put("things", key, length, Uint8Array.of(1, 1))).toThrow(invalid);
    expect(() => writer.put("texts", key, length, Uint8Array.of(0xff))).toThrow(invalid);
    expect(() => writer.put("documents", key, length, Buffer.from("{"))).toThrow(invalid);
    expect(() => writer.put("fresh", key, length, Uint8Array.of(0xff), "string")).toThrow(invalid);
    expect([tx.map("things").changed, tx.map("fresh").format]).toEqual([false, null]);
  });
});

test("names of the database itself are for the database itself", () => {
  inside((writer, tx) => {
    const [key, length] = encoded("k");
    for (const name of ["_meta/code", "", "\ud800", "n".repeat(600)]) {
      expect(() => writer.put(name, key, length, Uint8Array.of(1))).toThrow(invalid);
      expect(() => writer.delete(name, key, length)).toThrow(invalid);
      expect(() => writer.read(name, key, length)).toThrow(invalid);
    }
    const own = new StoredWriter(tx, true);
    own.put("_meta/own", key, length, Uint8Array.of(255), "bytes");
    expect(own.read("_meta/own", key, length)).toEqual(Uint8Array.of(255));
  });
  expect(db.mapNames()).not.toContain("_meta/own");
});

test("bytes are taken as a key only where they are the one encoding of it", () => {
  const mutated = fc.tuple(
    fc.constantFrom<Key>(1, -1.5, 300, "text", ["a\0", 1, [null]], 2n ** 70n, Uint8Array.of(0, 1)),
    fc.nat(30),
    fc.option(fc.nat(255), { nil: null }),
  );
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 12 }),
    mutated.map(([key, at, byte]) => {
      const [whole, length] = encoded(key);
      const copy = whole.slice(0, length);
      if (byte === null) return copy.subarray(0, at);
      if (at < length) copy[at] = byte;
      return copy;
    }),
  );
  const property = fc.property(bytes, (key) => {
    let isKey = true;
    try {
      const [again, length] = encoded(decodeKey(key, 0, key.length));
      isKey = Buffer.compare(again.subarray(0, length), key) === 0;
    } catch {
      isKey = false;
    }
    inside((writer) => {
      const put = (): void => writer.put("keys", padded(key), key.length, Uint8Array.of(1));
      if (isKey) put();
      else expect(put).toThrow(invalid);
    });
  });
  fc.assert(property, { numRuns: effort(300) });
  for (const key of db.map("keys").keys()) expect(db.map("keys").get(key)).toBe(1);
  expect(db.verify().problems).toEqual([]);
});

test("a key that is too long is refused", () => {
  const tooLong = expect.objectContaining({ code: "LLMDB_KEY_TOO_LONG" });
  const key = padded(Buffer.alloc(577, " "));
  inside((writer) => {
    expect(() => writer.put("keys", key, 577, Uint8Array.of(1))).toThrow(tooLong);
    expect(() => writer.delete("keys", key, 577)).toThrow(tooLong);
    writer.put("keys", padded(Buffer.alloc(576, " ")), 576, Uint8Array.of(1));
  });
});
