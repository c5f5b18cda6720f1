/** Keys as bytes: order, reading back, prefixes, and defined results at every edge. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeKey, encodeKey, encodePrefix, type Key, KeyBuffer, keyAfterPrefix } from "../../engine/key.js";
import { LlmdbError } from "../../pager/error.js";
import { effort } from "../effort.js";
import { anyKey, anyNumber, canonical, compareKeys, edgeNumbers, twoKeys } from "./order.js";

const limit = 4096;
const runs = { numRuns: effort(4000) };

function encode(key: Key): Uint8Array {
  const into = new KeyBuffer();
  encodeKey(key, into, limit);
  return into.bytes.slice(0, into.length);
}

function decode(bytes: Uint8Array): Key {
  return decodeKey(bytes, 0, bytes.length);
}

function hex(key: Key): string {
  return Buffer.from(encode(key)).toString("hex");
}

function startsWith(bytes: Uint8Array, prefix: Uint8Array): boolean {
  return Buffer.compare(bytes.subarray(0, prefix.length), prefix) === 0;
}

/** What was thrown, which must be an `LlmdbError`. */
function thrown(body: () => unknown): LlmdbError {
  try {
    body();
  } catch (error) {
    if (error instanceof LlmdbError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("order", () => {
  test("bytes compare as keys do", () => {
    fc.assert(
      fc.property(twoKeys, ([a, b]) => {
        expect(Buffer.compare(encode(a), encode(b))).toBe(Math.sign(compareKeys(a, b)));
      }),
      runs,
    );
  });

  test("at every edge of the numbers, alone and inside tuples", () => {
    for (const a of edgeNumbers) {
      for (const b of edgeNumbers) {
        const order = Math.sign(compareKeys(a, b));
        for (const [left, right] of [
          [a, b],
          [[a], [b]],
          [[a, 7], [b]],
          [[[a], 7], [[b, 7]]],
        ] as [Key, Key][]) {
          const expected = order === 0 ? Math.sign(compareKeys(left, right)) : order;
          expect(Buffer.compare(encode(left), encode(right)), `${a} ${b}`).toBe(expected);
        }
      }
    }
  });

  test("across types", () => {
    const inOrder: Key[] = [
      null,
      false,
      true,
      -Infinity,
      -(2n ** 600n),
      -1e18,
      -1.5,
      -1,
      -0.5,
      0,
      0.5,
      1n,
      1.5,
      2n,
      2 ** 70,
      2n ** 70n + 1n,
      Infinity,
      "",
      "\0",
      "a",
      "a\0",
      "aa",
      "b",
      "é",
      "\uffff",
      "😀",
      new Uint8Array(0),
      new Uint8Array([0]),
      new Uint8Array([255]),
      [],
      [null],
      ["a"],
      ["a", null],
      ["a", "b"],
      ["a\0"],
      ["a\u0001"],
      ["ab"],
      [[]],
      [[], 1],
      [["a"]],
    ];
    for (let i = 1; i < inOrder.length; i++) {
      expect(Buffer.compare(encode(inOrder[i - 1]), encode(inOrder[i])), `${i}`).toBe(-1);
    }
  });

  test("numbers and bigints of one value are one key", () => {
    expect(hex(1n)).toBe(hex(1));
    expect(hex(-0)).toBe(hex(0));
    expect(hex(0n)).toBe(hex(0));
    expect(hex(2n ** 70n)).toBe(hex(2 ** 70));
    expect(hex(-(2n ** 63n))).toBe(hex(-(2 ** 63)));
  });
});

describe("reading back", () => {
  test("every key", () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(decode(encode(key))).toStrictEqual(canonical(key));
      }),
      runs,
    );
  });

  test("inside a larger buffer, keeping nothing of it", () => {
    const buffer = new Uint8Array(64).fill(0xee);
    const bytes = encode([new Uint8Array([1, 2]), "x"]);
    buffer.set(bytes, 9);
    const key = decodeKey(buffer, 9, bytes.length);
    const alone = decodeKey(Buffer.from([0x21, 7]), 0, 2) as Uint8Array;
    buffer.fill(0);
    expect(key).toEqual([new Uint8Array([1, 2]), "x"]);
    expect(alone.constructor).toBe(Uint8Array);
    expect(alone.buffer.byteLength).toBe(1);
  });

  test("the type that comes back", () => {
    expect(decode(encode(Number.MAX_SAFE_INTEGER))).toBe(2 ** 53 - 1);
    expect(decode(encode(2 ** 53))).toBe(2n ** 53n);
    expect(decode(encode(-(2 ** 53)))).toBe(-(2n ** 53n));
    expect(decode(encode(1e300))).toBe(BigInt(1e300));
    expect(decode(encode(5n))).toBe(5);
    expect(Object.is(decode(encode(-0)), 0)).toBe(true);
    expect(decode(encode(Buffer.from("ab")))).toStrictEqual(new Uint8Array([97, 98]));
  });

  test("only what encodes to the same bytes is read, the rest is LLMDB_CORRUPT", () => {
    const tags = fc.constantFrom(
      0,
      1,
      2,
      4,
      5,
      6,
      7,
      0xe,
      0xf,
      0x10,
      0x11,
      0x12,
      0x13,
      0x19,
      0x1a,
      0x1b,
      0x20,
      0x21,
      0x22,
    );
    const likely = fc.array(fc.oneof(tags, fc.integer({ min: 0, max: 255 })), { maxLength: 24 });
    fc.assert(
      fc.property(likely, (list) => readsOrCorrupt(new Uint8Array(list))),
      { numRuns: effort(20_000) },
    );
    const changed = fc.tuple(anyKey, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.boolean());
    fc.assert(
      fc.property(changed, ([key, at, flip, cut]) => {
        const bytes = encode(key);
        bytes[at % bytes.length] ^= flip;
        readsOrCorrupt(cut ? bytes.subarray(0, at % bytes.length) : bytes);
      }),
      runs,
    );
  });

  test("tuples too deep to be ours do not exhaust the stack", () => {
    expect(thrown(() => decode(new Uint8Array(1_000_000).fill(0x22))).code).toBe("LLMDB_CORRUPT");
  });

  function readsOrCorrupt(bytes: Uint8Array): void {
    let key: Key;
    try {
      key = decode(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(LlmdbError);
      expect((error as LlmdbError).code).toBe("LLMDB_CORRUPT");
      return;
    }
    expect(encode(key)).toEqual(new Uint8Array(bytes));
  }
});

describe("prefixes", () => {
  const anyPrefix = anyKey.filter((key) => typeof key === "string" || (typeof key === "object" && key !== null));

  test("exactly the keys that have it start with its bytes", () => {
    fc.assert(
      fc.property(anyPrefix, twoKeys, (prefix, [a, b]) => {
        const into = new KeyBuffer();
        encodePrefix(prefix, into, limit);
        const bytes = into.bytes.slice(0, into.length);
        const grown = Array.isArray(prefix) ? [...prefix, a] : typeof prefix === "string" ? `${prefix}x` : prefix;
        for (const key of [a, b, prefix, grown]) expect(startsWith(encode(key), bytes)).toBe(hasPrefix(key, prefix));
      }),
      runs,
    );
  });

  test("an element is not the prefix of one that goes on", () => {
    const pairs: [Key, Key][] = [
      [[1], [1.5]],
      [[-1], [-1.5]],
      [["a"], ["ab"]],
      [["a"], ["a\0"]],
      [[[1]], [[1, 2]]],
    ];
    for (const [prefix, key] of pairs) expect(startsWith(encode(key), encode(prefix)), String(key)).toBe(false);
    for (const a of edgeNumbers) {
      for (const b of edgeNumbers) {
        const same = compareKeys(a, b) === 0;
        expect(startsWith(encode([b, 1]), encode([a])), `${a} ${b}`).toBe(same);
      }
    }
  });

  test("the end of a prefix comes after all that have it, and before all else", () => {
    fc.assert(
      fc.property(anyPrefix, anyKey, (prefix, key) => {
        const into = new KeyBuffer();
        encodePrefix(prefix, into, limit);
        expect(keyAfterPrefix(into)).toBe(true);
        const end = into.bytes.subarray(0, into.length);
        const bytes = encode(key);
        const inside = Buffer.compare(bytes, encode(prefix)) >= 0 && Buffer.compare(bytes, end) < 0;
        expect(inside).toBe(hasPrefix(key, prefix));
        expect([...into.bytes.subarray(into.length, into.length + 8)]).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
      }),
      runs,
    );
  });

  test("bytes that are all FF have no end", () => {
    const into = new KeyBuffer();
    into.bytes.fill(0xff, 0, 3);
    into.finish(3);
    expect(keyAfterPrefix(into)).toBe(false);
    into.bytes[0] = 7;
    expect(keyAfterPrefix(into)).toBe(true);
    expect([...into.bytes.subarray(0, 4), into.length]).toEqual([8, 0, 0, 0, 1]);
  });

  test("other types are refused", () => {
    for (const prefix of [null, true, 1, 1n, undefined, new Date(0)]) {
      const error = thrown(() => encodePrefix(prefix as Key, new KeyBuffer(), limit));
      expect(error.code).toBe("LLMDB_INVALID_ARGUMENT");
      expect(error.message).toContain("a prefix is a string, bytes or an array");
    }
  });

  function hasPrefix(key: Key, prefix: Key): boolean {
    if (typeof prefix === "string") return typeof key === "string" && key.startsWith(prefix);
    if (prefix instanceof Uint8Array) {
      return key instanceof Uint8Array && prefix.every((byte, i) => i < key.length && byte === key[i]);
    }
    const elements = prefix as readonly Key[];
    return Array.isArray(key) && elements.every((element, i) => i < key.length && compareKeys(element, key[i]) === 0);
  }
});

describe("what cannot be a key", () => {
  const nested = (depth: number): Key => (depth === 0 ? 1 : [nested(depth - 1)]);
  const cycle: unknown[] = [];
  cycle.push(cycle);

  test.each<[string, unknown]>([
    ["NaN", Number.NaN],
    ["undefined", undefined],
    ["a Date", new Date(0)],
    ["an object", { a: 1 }],
    ["a function", () => 1],
    ["a symbol", Symbol("a")],
    ["binary data that is not a Uint8Array", new Uint16Array(2)],
    ["binary data that is not a Uint8Array", new ArrayBuffer(2)],
    ["a hole in an array", Object.assign([1], { 2: 2 })],
    ["undefined", [[undefined]]],
    ["nested deeper than 64", nested(65)],
    ["inside themselves", cycle],
  ])("%s", (what, key) => {
    const into = new KeyBuffer();
    const error = thrown(() => encodeKey(key as Key, into, limit));
    expect(error.code).toBe("LLMDB_INVALID_ARGUMENT");
    expect(error.message).toContain(what);
    expect(error.message).toContain("keys are strings, numbers");
    expect(into.length).toBe(0);
  });

  test("lone surrogates, with their index", () => {
    for (const [text, index] of [
      ["\ud800", 0],
      ["ab\udc00c", 2],
      ["😀\ud83d", 2],
      ["\ud83d\ud83d\ude00", 0],
    ] as const) {
      for (const key of [text, [text]]) {
        const error = thrown(() => encode(key));
        expect(error.code).toBe("LLMDB_INVALID_ARGUMENT");
        expect(error.details).toEqual({ index });
      }
    }
  });

  test("64 levels are not too deep", () => {
    expect(decode(encode(nested(64)))).toEqual(nested(64));
  });

  test("a key that uses its own buffer while it is read", () => {
    const into = new KeyBuffer();
    const sly = new Proxy([1, 2], {
      get(target, name) {
        if (name === "1") encodeKey("other", into, limit);
        return Reflect.get(target, name);
      },
    });
    expect(thrown(() => encodeKey(sly, into, limit)).code).toBe("LLMDB_INVALID_ARGUMENT");
    expect(into.length).toBe(0);
  });
});

describe("the buffer", () => {
  test("a key may take the limit and not one byte more", () => {
    const exact: [Key, Key][] = [
      ["x".repeat(99), "x".repeat(100)],
      ["é".repeat(49), "é".repeat(50)],
      ["\u{10ffff}".repeat(24), "\u{10ffff}".repeat(25)],
      [new Uint8Array(99), new Uint8Array(100)],
      [["x".repeat(97)], ["x".repeat(98)]],
      [["\0".repeat(48)], ["\0".repeat(49)]],
      [new Array(99).fill(null), new Array(100).fill(null)],
      [2n ** 776n - 1n, 2n ** 776n],
      [-(2n ** 776n) + 1n, -(2n ** 776n)],
    ];
    const into = new KeyBuffer();
    for (const [fits, long] of exact) {
      encodeKey(fits, into, 100);
      expect(into.length).toBeLessThanOrEqual(100);
      const error = thrown(() => encodeKey(long, into, 100));
      expect(error.code).toBe("LLMDB_KEY_TOO_LONG");
      expect(error.details).toEqual({ limit: 100 });
      expect(into.length).toBe(0);
    }
  });

  test("huge input is refused before it is copied", () => {
    const into = new KeyBuffer();
    for (const key of ["x".repeat(1e7), new Uint8Array(1e7), new Array(1e7).fill("x"), 1n << 10_000_000n]) {
      expect(thrown(() => encodeKey(key, into, limit)).code).toBe("LLMDB_KEY_TOO_LONG");
    }
    expect(into.bytes.length).toBeLessThan(8 * limit);
  });

  test("is followed by zero bytes, whatever it held before", () => {
    const into = new KeyBuffer();
    fc.assert(
      fc.property(anyKey, (key) => {
        into.bytes.fill(0xff);
        encodeKey(key, into, limit);
        expect(into.bytes.subarray(into.length, into.length + 8)).toEqual(new Uint8Array(8));
      }),
    );
    encodeKey("x".repeat(limit - 1), into, limit);
    expect(into.bytes.subarray(into.length, into.length + 8)).toEqual(new Uint8Array(8));
  });
});

test("the bytes that docs/keys.md shows", () => {
  expect(hex(null)).toBe("02");
  expect(hex(0)).toBe("10");
  expect(hex(1)).toBe("1202");
  expect(hex(1.5)).toBe("120380000000000000");
  expect(hex(-1)).toBe("0efd");
  expect(hex(-1.5)).toBe("0efc7fffffffffffff");
  expect(hex(0.5)).toBe("113fe0000000000000");
  expect(hex(300)).toBe("130258");
  expect(hex(2n ** 64n)).toBe("1a0009010000000000000000");
  expect(hex("hi")).toBe("206869");
  expect(hex(["a\0", 1])).toBe("2220610101001202");
  expect(hex([["a"], null])).toBe("22222061000002");
});

test("numbers round trip at every edge", () => {
  for (const x of edgeNumbers) expect(decode(encode(x))).toBe(canonical(x));
  fc.assert(
    fc.property(anyNumber, (x) => {
      expect(compareKeys(decode(encode(x)), x)).toBe(0);
    }),
    runs,
  );
});
