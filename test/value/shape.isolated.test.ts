/** Objects whose shapes are known, almost known and not known: read the same, whatever was read before. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { encode } from "@msgpack/msgpack";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { effort } from "../effort.js";
import { PlainReader } from "./plain-reader.js";

type Decode = (bytes: Uint8Array, start?: number, end?: number) => unknown;

/** The reader with nothing learned yet. */
async function freshReader(): Promise<Decode> {
  vi.resetModules();
  return (await import("../../engine/msgpack-reader.js")).decodeMsgpack;
}

/** Names that are parts of each other, of every length around the ones that are compared in one step. */
const names = [
  ...["", "a", "b", "ab", "abc", "abd", "abcd", "id", "ID", "0", "1", "10", "length", "__proto__", "__p", "_", "__"],
  ...["constructor", "toString", "é", "ké", "\ufeffk", "0x", "a\0", "a".repeat(300)],
  ...[3, 4, 5, 7, 8, 9, 11, 12, 13, 30, 31, 32, 33].flatMap((n) => ["n".repeat(n), `${"n".repeat(n - 1)}m`]),
];

const scalar = fc.oneof(
  fc.integer({ min: -200, max: 200 }),
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ unit: "grapheme-ascii", maxLength: 45 }),
  fc.uint8Array({ maxLength: 20 }),
);

const { object } = fc.letrec<{ object: object; value: unknown }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, scalar, scalar, fc.array(tie("value"), { maxLength: 7 }), tie("object")),
  object: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...names), tie("value")), { selector: ([name]) => name, maxLength: 12 })
    .map((entries) => Object.fromEntries(entries)),
}));

/** Several objects; most are like one before: the same, other order, one name less, more or different. */
const objects = fc
  .tuple(
    fc.array(object, { minLength: 1, maxLength: 6 }),
    fc.array(fc.nat(), { maxLength: 30 }),
    fc.infiniteStream(scalar),
  )
  .map(([kinds, steps, values]) => [...kinds, ...steps.map((step) => alike(kinds[step % kinds.length], step, values))]);

function alike(kind: object, step: number, values: Iterator<unknown>): object {
  const entries = Object.entries(kind).map(([name, value]): [string, unknown] =>
    typeof value === "object" && step % 3 > 0 ? [name, value] : [name, values.next().value],
  );
  if (step % 7 === 1) entries.reverse();
  if (step % 7 === 2) entries.pop();
  if (step % 7 === 3) entries.push([names[step % names.length], step]);
  if (step % 7 === 4) entries.splice(step % (entries.length + 1), 1, [names[step % names.length], "other"]);
  return Object.fromEntries(entries);
}

/** Memory that holds one value after the other, as a page does. */
const page = new Uint8Array(64 * 1024);
const pageAsBuffer = Buffer.from(page.buffer);

/** Reads a value that lies among other bytes, as in a page, in a Buffer, and at the very end of its memory. */
function readEverywhere(decode: Decode, bytes: Uint8Array): unknown[] {
  page.set(bytes, 13);
  const end = 13 + bytes.length;
  const all = [decode(pageAsBuffer, 13, end), decode(page, 13, end), decode(page.slice(0, end), 13)];
  page.fill(0xa1, 13, end);
  return all;
}

function outcome(read: () => unknown): { value: unknown } | { code: unknown } {
  try {
    return { value: read() };
  } catch (error) {
    return {
      code:
        error instanceof RangeError || error instanceof TypeError ? "LLMDB_CORRUPT" : (error as { code: unknown }).code,
    };
  }
}

/** With the order of properties, which equality leaves out. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return {
    prototype: Object.getPrototypeOf(value) === Object.prototype,
    entries: Object.entries(value).map(([name, of]) => [name, ordered(of)]),
  };
}

test("objects read the same whatever was read before", async () => {
  for (let round = 0; round < 6; round++) {
    const decode = await freshReader();
    fc.assert(
      fc.property(objects, (list) => {
        for (const value of list) {
          const stored = encode(value, { ignoreUndefined: true });
          for (const read of readEverywhere(decode, stored))
            expect(ordered(read)).toStrictEqual(ordered(PlainReader.read(stored)));
        }
      }),
      { numRuns: effort(10) },
    );
  }
});

test("a property that is stored twice has the value that came last", async () => {
  const decode = await freshReader();
  const stored = Uint8Array.of(0x83, 0xa1, 97, 1, 0xa1, 98, 2, 0xa1, 97, 3);
  for (let i = 0; i < 5; i++) expect(ordered(decode(stored))).toStrictEqual(ordered({ a: 3, b: 2 }));
});

test("damaged objects of a known shape are LLMDB_CORRUPT, or what a reader without memory reads", async () => {
  for (let round = 0; round < 6; round++) {
    const decode = await freshReader();
    fc.assert(
      fc.property(
        object,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { maxLength: 20 }),
        (value, flips) => {
          const stored = encode(value);
          for (let i = 0; i < 3; i++) decode(stored);
          for (const [place, flip] of flips) {
            const damaged = stored.slice();
            damaged[place % damaged.length] ^= flip;
            // What is cut off still stands behind the end.
            for (const [bytes, length] of [
              [damaged, damaged.length],
              [stored, place % stored.length],
            ] as const) {
              page.set(bytes, 13);
              const expected = outcome(() => ordered(PlainReader.read(bytes.subarray(0, length))));
              const read = outcome(() => ordered(decode(page, 13, 13 + length)));
              // The second reader knows no extensions.
              if ("value" in read && "code" in expected && hasExtension(bytes)) continue;
              expect(read).toStrictEqual(expected);
            }
          }
        },
      ),
      { numRuns: effort(10) },
    );
  }
  expect(Object.keys(Object.prototype)).toEqual([]);
});

function hasExtension(bytes: Uint8Array): boolean {
  return bytes.some((byte) => (byte >= 0xc7 && byte <= 0xc9) || (byte >= 0xd4 && byte <= 0xd8));
}

test("names without end take no memory", async () => {
  const decode = await freshReader();
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  const read = (i: number): unknown => {
    const digits = [...`${i}`].map((digit, place): [string, number] => [`n${place}${digit}`, i]);
    const known = encode(Object.fromEntries(digits));
    const stored = encode({ [`n${i}`]: 1, [`m${i}`]: { [`o${i}`]: 2 }, [`${"p".repeat(300)}${i}`]: 3 });
    for (const bytes of [known, stored]) decode(bytes);
    return [decode(known), decode(stored)];
  };
  for (let i = 0; i < 2000; i++) read(i);
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let i = 2000; i < 30_000; i++) read(i);
  collect();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(2 * 2 ** 20);
});
