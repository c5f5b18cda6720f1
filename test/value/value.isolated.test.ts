/** Values as bytes: what reads back, what is refused, and what hostile bytes can do. */
import { runInNewContext } from "node:vm";
import { decode as libraryDecode, encode as libraryEncode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ValueFormat, valueCodec } from "../../engine/value.js";
import { MAX_VALUE_BYTES } from "../../engine/value-limits.js";
import { LlmdbError, type LlmdbErrorCode } from "../../pager/error.js";
import { effort } from "../effort.js";

const msgpack = valueCodec("msgpack");
const json = valueCodec("json");
const runs = { numRuns: effort(3000) };

function roundTrip(value: unknown, format: ValueFormat = "msgpack"): unknown {
  const codec = valueCodec(format);
  return codec.decode(codec.encode(value).slice());
}

/** What was thrown, which must be an `LlmdbError` with the given code. */
function refusal(code: LlmdbErrorCode, body: () => unknown): LlmdbError {
  try {
    body();
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    expect(error.code).toBe(code);
    return error;
  }
  throw new Error("nothing was thrown");
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

function readsOrCorrupt(format: ValueFormat, bytes: Uint8Array): void {
  try {
    valueCodec(format).decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(LlmdbError);
    expect((error as LlmdbError).code).toBe("LLMDB_CORRUPT");
  }
}

const anyDate = fc.date({ noInvalidDate: true });
const anyValue = fc.anything({
  key: fc.string({ unit: "grapheme", maxLength: 40 }),
  values: [
    fc.boolean(),
    fc.constant(null),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.double().map((x) => (Object.is(x, -0) ? 0 : x)),
    fc.bigInt(),
    fc.bigInt(-(2n ** 200n), 2n ** 200n),
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "grapheme", minLength: 60, maxLength: 300 }),
    fc.uint8Array({ maxLength: 300 }),
    anyDate,
  ],
  maxDepth: 4,
});

/** Every element of a value that is an array of bytes. */
function bytesIn(value: unknown): Uint8Array[] {
  if (value instanceof Uint8Array) return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(bytesIn) : [];
}

describe("msgpack", () => {
  test("every value reads back, and keeps nothing of the bytes", () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = msgpack.encode(value).slice();
        const read = msgpack.decode(bytes);
        for (const part of bytesIn(read)) expect(part.buffer.byteLength).toBe(part.length);
        bytes.fill(0xc1);
        expect(read).toStrictEqual(value);
      }),
      runs,
    );
  });

  test("other readers and writers of MessagePack agree", () => {
    const plain = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);
    fc.assert(
      fc.property(plain, (value) => {
        fc.pre(!JSON.stringify(value).includes('"__proto__":'));
        expect(msgpack.decode(libraryEncode(value))).toEqual(value);
        expect(libraryDecode(msgpack.encode(value))).toEqual(value);
      }),
      runs,
    );
    expect(msgpack.decode(libraryEncode([1.5, -1, 2 ** 40], { forceFloat32: true }))).toEqual([1.5, -1, 2 ** 40]);
    for (const x of [0n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n, -(2n ** 63n), -(2n ** 53n)]) {
      const read = msgpack.decode(libraryEncode(x, { useBigInt64: true }));
      expect(read).toBe(Number.isSafeInteger(Number(x)) ? Number(x) : x);
    }
  });

  test("text of every length, a byte order mark included", () => {
    for (let length = 0; length < 300; length++) {
      for (const text of [
        "a".repeat(length),
        "é".repeat(length),
        `\ufeff${"a".repeat(length)}`,
        "\ufffd".repeat(length),
      ]) {
        expect(roundTrip({ [text]: text })).toEqual({ [text]: text });
      }
    }
  });

  test("dates to the edges of time", () => {
    const times = [0, 1, -1, 999, -999, 2 ** 32 * 1000, 2 ** 34 * 1000 - 1, 2 ** 34 * 1000, 8.64e15, -8.64e15];
    for (const time of times) expect(roundTrip(new Date(time))).toEqual(new Date(time));
    expect(roundTrip(runInNewContext("new Date(7)"))).toEqual(new Date(7));
  });

  test("what changes on the way", () => {
    expect(Object.is(roundTrip(-0), 0)).toBe(true);
    expect(roundTrip([undefined, 1])).toStrictEqual([null, 1]);
    expect(roundTrip({ a: undefined, b: 1 })).toStrictEqual({ b: 1 });
    expect(
      roundTrip(
        new (class Point {
          x = 1;
          toJSON = 2;
        })(),
      ),
    ).toStrictEqual({ x: 1, toJSON: 2 });
    expect(roundTrip({ [Symbol("a")]: 1 })).toStrictEqual({});
    expect(roundTrip(Buffer.from("ab"))).toStrictEqual(new Uint8Array([97, 98]));
    expect(roundTrip(Object.assign(Object.create(null), { a: 1 }))).toStrictEqual({ a: 1 });
    expect(roundTrip([Number.NaN, Infinity, -Infinity, 1e300])).toEqual([Number.NaN, Infinity, -Infinity, 1e300]);
  });

  const cycle: Record<string, unknown> = {};
  cycle.self = [cycle];

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("a")],
    ["a function", [{ a: () => 1 }]],
    ["a Map", new Map()],
    ["a Set", [new Set()]],
    ["a Float64Array", new Float64Array(1)],
    ["a DataView", new DataView(new ArrayBuffer(1))],
    ["a ArrayBuffer", new ArrayBuffer(1)],
    ["a RegExp", /a/],
    ["a Error", new Error("a")],
    ["a Promise", Promise.resolve()],
    ["a URL", new URL("http://a")],
    ["a String", Object("a")],
    ["an invalid Date", new Date(Number.NaN)],
    ["half a surrogate pair at index 1", "a\ud800"],
    ["half a surrogate pair at index 60", [`${"😀".repeat(30)}\ude00`]],
    ["half a surrogate pair at index 0", { "\ud800": 1 }],
    ["nested deeper than 500", nested(501)],
    ["nested deeper than 500", nested(100_000)],
    ["inside itself", cycle],
  ])("refuses %s", (what, value) => {
    expect(refusal("LLMDB_INVALID_ARGUMENT", () => msgpack.encode(value)).message).toContain(what);
    expect(roundTrip("and goes on")).toBe("and goes on");
  });

  test("500 levels are not too deep", () => {
    expect(roundTrip(nested(500))).toEqual(nested(500));
  });

  test("what a getter throws is the cause", () => {
    const cause = new Error("from the getter");
    const value = {
      get a() {
        throw cause;
      },
    };
    expect(refusal("LLMDB_INVALID_ARGUMENT", () => msgpack.encode(value)).cause).toBe(cause);
  });

  test("a getter that encodes on its own does not disturb the value around it", () => {
    const value = {
      before: "x".repeat(50),
      get inner() {
        return msgpack.encode({ other: 1, text: "y".repeat(100) }).length;
      },
      after: [1, 2, 3],
    };
    expect(roundTrip(value)).toEqual({ ...value });
  });

  test("a large value, and small ones after it", () => {
    const large = { text: "é".repeat(1_000_000), bytes: new Uint8Array(3_000_000).fill(7) };
    const read = roundTrip(large) as typeof large;
    expect(read.text === large.text && Buffer.compare(read.bytes, large.bytes) === 0).toBe(true);
    expect(roundTrip([1])).toEqual([1]);
  });
});

describe("json", () => {
  test("every JSON value reads back", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(roundTrip(value, "json")).toEqual(JSON.parse(JSON.stringify(value)));
      }),
      runs,
    );
    expect(roundTrip("\ud800", "json")).toBe("\ud800");
    expect(roundTrip("\ufeff", "json")).toBe("\ufeff");
    expect(roundTrip(new Date(0), "json")).toBe("1970-01-01T00:00:00.000Z");
    expect(roundTrip("é".repeat(20_000), "json")).toBe("é".repeat(20_000));
  });

  test("what is not JSON is refused, with the cause", () => {
    for (const value of [undefined, () => 1, Symbol("a")]) {
      refusal("LLMDB_INVALID_ARGUMENT", () => json.encode(value));
    }
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(refusal("LLMDB_INVALID_ARGUMENT", () => json.encode(cycle)).message).toContain("inside itself");
    expect(refusal("LLMDB_INVALID_ARGUMENT", () => json.encode(1n)).cause).toBeInstanceOf(Error);
  });

  test("500 levels are not too deep, and more are refused, however much stack JSON.stringify needs", () => {
    expect(roundTrip(nested(500), "json")).toEqual(nested(500));
    for (const depth of [501, 100_000]) {
      expect(refusal("LLMDB_INVALID_ARGUMENT", () => json.encode(nested(depth))).message).toContain("deeper than 500");
    }
  });

  test("a toJSON that encodes on its own does not disturb the value around it", () => {
    const value = { a: "x", b: { toJSON: () => json.encode({ other: "y" }).length }, c: 1 };
    expect(roundTrip(value, "json")).toEqual({ a: "x", b: 13, c: 1 });
  });
});

describe("bytes and string", () => {
  test("bytes read back as a copy of their own", () => {
    const bytes = valueCodec("bytes");
    const stored = Buffer.from("abc");
    expect(bytes.encode(stored).constructor).toBe(Uint8Array);
    const page = new Uint8Array([9, 1, 2, 9]);
    const read = bytes.decode(page.subarray(1, 3)) as Uint8Array;
    page.fill(0);
    expect(read).toStrictEqual(new Uint8Array([1, 2]));
    expect(read.buffer.byteLength).toBe(2);
    expect((bytes.decode(Buffer.from("a")) as Uint8Array).constructor).toBe(Uint8Array);
    expect(roundTrip(new Uint8Array(0), "bytes")).toEqual(new Uint8Array(0));
    for (const value of ["a", null, undefined, [1], new Uint16Array(1), new ArrayBuffer(1)]) {
      refusal("LLMDB_INVALID_ARGUMENT", () => bytes.encode(value));
    }
  });

  test("text reads back", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        fc.pre(text.isWellFormed());
        expect(roundTrip(text, "string")).toBe(text);
      }),
      runs,
    );
    for (const text of ["", "\0", "\ufeffa", "\ufffd", "\ufeff\ufffd", "x".repeat(100_000), "😀".repeat(50_000)]) {
      expect(roundTrip(text, "string")).toBe(text);
    }
  });

  test("what is not text is refused", () => {
    const string = valueCodec("string");
    for (const value of [1, null, undefined, new Uint8Array(1), Object("a")]) {
      refusal("LLMDB_INVALID_ARGUMENT", () => string.encode(value));
    }
    expect(refusal("LLMDB_INVALID_ARGUMENT", () => string.encode("ab\udc00")).details).toEqual({ index: 2 });
    const broken = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]];
    for (const bytes of broken) refusal("LLMDB_CORRUPT", () => string.decode(new Uint8Array(bytes)));
    const long = new Uint8Array(100).fill(97);
    long[99] = 0xc3;
    refusal("LLMDB_CORRUPT", () => string.decode(long));
  });

  test("a format that does not exist", () => {
    for (const format of ["xml", "", "constructor", "__proto__", undefined]) {
      refusal("LLMDB_INVALID_ARGUMENT", () => valueCodec(format as ValueFormat));
    }
  });
});

describe("hostile values", () => {
  const hostile = JSON.parse(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1,"hasOwnProperty":2}',
  ) as Record<string, unknown>;

  test.each(["msgpack", "json"] as const)("%s: __proto__ and constructor are plain properties", (format) => {
    const read = roundTrip(hostile, format) as Record<string, unknown>;
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
    expect(Object.keys(read)).toEqual(Object.keys(hostile));
    expect(JSON.stringify(read)).toBe(JSON.stringify(hostile));
    expect("polluted" in {}).toBe(false);
    expect(read.polluted).toBeUndefined();
  });

  test("msgpack: an overlong or numeric __proto__ changes nothing", () => {
    refusal("LLMDB_CORRUPT", () => msgpack.decode(new Uint8Array([0x81, 0xa2, 0xc1, 0x9f, 0x80])));
    refusal("LLMDB_CORRUPT", () => msgpack.decode(new Uint8Array([0x81, 0x01, 0x80])));
  });

  test("depth 100,000", () => {
    refusal("LLMDB_CORRUPT", () => msgpack.decode(new Uint8Array(100_000).fill(0x91)));
    refusal("LLMDB_CORRUPT", () => msgpack.decode(new Uint8Array(200_000).map((_, i) => [0x81, 0xa0][i % 2])));
    readsOrCorrupt("json", Buffer.from("[".repeat(100_000) + "]".repeat(100_000)));
    readsOrCorrupt("json", Buffer.from('{"__proto__":'.repeat(100_000)));
  });

  test("lengths beyond the input are errors, and take no memory", () => {
    const before = process.memoryUsage().rss;
    for (const head of [
      0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xaf, 0x9f, 0x8f,
    ]) {
      refusal("LLMDB_CORRUPT", () => msgpack.decode(new Uint8Array([head, 0xff, 0xff, 0xff, 0xff, 0xa0])));
    }
    const arrays = new Uint8Array(400 * 5).map((_, i) => [0xdd, 0x01, 0xc9, 0xc3, 0x80][i % 5]);
    refusal("LLMDB_CORRUPT", () => msgpack.decode(arrays));
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 2 ** 20);
  });

  test("random and damaged bytes read or are LLMDB_CORRUPT", () => {
    const likely = fc.integer({ min: 0x80, max: 0xff });
    const random = fc.array(fc.oneof(likely, fc.integer({ min: 0, max: 255 })), { maxLength: 40 });
    fc.assert(
      fc.property(random, (list) => {
        for (const format of ["msgpack", "json", "string", "bytes"] as const)
          readsOrCorrupt(format, new Uint8Array(list));
      }),
      { numRuns: effort(6000) },
    );
    fc.assert(
      fc.property(anyValue, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, flip) => {
        const bytes = msgpack.encode(value).slice();
        readsOrCorrupt("msgpack", bytes.subarray(0, at % bytes.length));
        bytes[at % bytes.length] ^= flip;
        readsOrCorrupt("msgpack", bytes);
      }),
      runs,
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });
});

test("one GiB is the limit", () => {
  const over = new Uint8Array(MAX_VALUE_BYTES + 1);
  refusal("LLMDB_VALUE_TOO_LARGE", () => valueCodec("bytes").encode(over));
  expect(valueCodec("bytes").encode(over.subarray(1)).length).toBe(MAX_VALUE_BYTES);
});
