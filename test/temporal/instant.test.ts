/** Times: every accepted form exactly, every other refused by name, and bytes that sort as times. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LlmdbError } from "../../pager/error.js";
import {
  decodeInstant,
  encodeInstant,
  INSTANT_BYTES,
  MINUS_INFINITY,
  PLUS_INFINITY,
  parseInstant,
  toMilliseconds,
} from "../../temporal/instant.js";
import { effort } from "../effort.js";

const runs = { numRuns: effort(500) };
const lastDate = 8.64e15;

function parse(value: unknown): bigint {
  return parseInstant(value, "validFrom");
}

function refusal(value: unknown): string {
  try {
    parse(value);
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_INVALID_ARGUMENT") return error.message;
    throw error;
  }
  throw new Error(`accepted ${String(value)}`);
}

/** The exact value of a double in milliseconds, in units of 2^-1074 microseconds. */
function exactMicros(milliseconds: number): bigint {
  let shift = 0n;
  let whole = milliseconds;
  for (; !Number.isInteger(whole); shift++) whole *= 2;
  return (BigInt(whole) * 1000n) << (1074n - shift);
}

/** The nearest microsecond, of two the later. */
function nearestMicros(milliseconds: number): bigint {
  const shifted = exactMicros(milliseconds) + (1n << 1073n);
  return shifted >> 1074n;
}

const anyTime = fc.oneof(
  fc.bigInt(MINUS_INFINITY, PLUS_INFINITY),
  fc.bigInt(-(2n ** 53n), 2n ** 53n),
  fc.bigInt(-300n, 300n),
  fc.constantFrom(MINUS_INFINITY, PLUS_INFINITY, MINUS_INFINITY + 1n, PLUS_INFINITY - 1n, 2n ** 32n, -(2n ** 32n)),
);

describe("numbers of milliseconds", () => {
  test.each([
    [0, 0n],
    [-0, 0n],
    [1, 1000n],
    [1_700_000_000_000.123, 1_700_000_000_000_123n],
    [-1_700_000_000_000.123, -1_700_000_000_000_123n],
    [0.0004, 0n],
    [0.0005, 1n], // the double lies just above the middle
    [0.0045, 4n], // the double lies just below the middle, where 0.0045 * 1000 is 4.5
    [-0.0045, -4n], // just above the middle
    [0.0625, 63n], // the middle itself: the later one
    [-0.0625, -62n],
    [-0.0625 - 2 ** -56, -63n],
    [Number.MIN_VALUE, 0n],
    [-Number.MIN_VALUE, 0n],
    [9_223_372_036_854_774, 9_223_372_036_854_774_000n],
    [Number.POSITIVE_INFINITY, PLUS_INFINITY],
    [Number.NEGATIVE_INFINITY, MINUS_INFINITY],
  ])("%d is %d microseconds", (milliseconds, micros) => {
    expect(parse(milliseconds)).toBe(micros);
  });

  test("are rounded once, from their exact value", () => {
    const nearMiddle = fc
      .tuple(fc.integer({ min: -3_000_000, max: 3_000_000 }), fc.integer({ min: -2, max: 2 }))
      .map(([half, ulps]) => (half + 0.5) / 1000 + ulps * 2 ** -43);
    const any = fc.oneof(nearMiddle, fc.double({ min: -9e15, max: 9e15, noNaN: true }), fc.double({ min: -1, max: 1 }));
    fc.assert(
      fc.property(any, (milliseconds) => {
        if (!Number.isNaN(milliseconds)) expect(parse(milliseconds)).toBe(nearestMicros(milliseconds));
      }),
      { numRuns: effort(2000) },
    );
  });

  test("that are none or out of range are refused", () => {
    expect(refusal(Number.NaN)).toContain("validFrom is NaN");
    for (const huge of [9_223_372_036_854_776, -9_223_372_036_854_776, 1e300, Number.MAX_VALUE]) {
      expect(refusal(huge)).toContain("validFrom is out of range");
    }
  });
});

describe("dates", () => {
  test("come back exactly", () => {
    fc.assert(
      fc.property(fc.integer({ min: -lastDate, max: lastDate }), (milliseconds) => {
        expect(toMilliseconds(parse(new Date(milliseconds)))).toBe(milliseconds);
        expect(parse(new Date(milliseconds))).toBe(BigInt(milliseconds) * 1000n);
      }),
      runs,
    );
    for (const edge of [lastDate, -lastDate, 9e12, -9e12, 9e12 - 1, 2 ** 43]) {
      expect(toMilliseconds(parse(new Date(edge)))).toBe(edge);
    }
  });

  test("that are invalid are refused", () => {
    expect(refusal(new Date(Number.NaN))).toContain("validFrom is an invalid Date; give a Date");
  });
});

describe("bigints and Temporal.Instant", () => {
  test("are taken as they are, or rounded towards the past", () => {
    expect(parse(5n)).toBe(5n);
    expect(parse(MINUS_INFINITY + 1n)).toBe(MINUS_INFINITY + 1n);
    expect(parse(PLUS_INFINITY - 1n)).toBe(PLUS_INFINITY - 1n);
    expect(parse({ epochNanoseconds: 1999n })).toBe(1n);
    expect(parse({ epochNanoseconds: -1n })).toBe(-1n);
    expect(parse({ epochNanoseconds: -1000n })).toBe(-1n);
    expect(parse({ epochNanoseconds: -1001n })).toBe(-2n);
  });

  test("that are an open end or beyond are refused", () => {
    for (const beyond of [PLUS_INFINITY, MINUS_INFINITY, PLUS_INFINITY + 1n, 2n ** 70n, -(2n ** 70n)]) {
      expect(refusal(beyond)).toContain("out of range");
    }
    expect(refusal({ epochNanoseconds: 2n ** 80n })).toContain("out of range");
  });
});

describe("ISO 8601", () => {
  test.each([
    ["1970-01-01", 0n],
    ["1970-01-01T00:00Z", 0n],
    ["2020", 1_577_836_800_000_000n],
    ["2020-02", 1_580_515_200_000_000n],
    ["2020-02-29", 1_582_934_400_000_000n],
    ["2000-02-29", 951_782_400_000_000n],
    ["2020-01-31T10:15", 1_580_465_700_000_000n],
    ["2020-01-31T10:15:30", 1_580_465_730_000_000n],
    ["2020-01-31T10:15:30Z", 1_580_465_730_000_000n],
    ["2020-01-31T10:15:30.5Z", 1_580_465_730_500_000n],
    ["2020-01-31T10:15:30,5Z", 1_580_465_730_500_000n],
    ["2020-01-31T10:15:30.123456Z", 1_580_465_730_123_456n],
    ["2020-01-31T10:15:30.123456999999Z", 1_580_465_730_123_456n],
    ["2020-01-31T10:15:30+01:30", 1_580_460_330_000_000n],
    ["2020-01-31T10:15:30-08", 1_580_494_530_000_000n],
    ["2020-01-31T10:15-00:00", 1_580_465_700_000_000n],
    ["2020-01-31T24:00:00", 1_580_515_200_000_000n],
    ["2020-01-31T24:00:00.000Z", 1_580_515_200_000_000n],
    ["2020-12-31T24:00", 1_609_459_200_000_000n],
    ["1969-12-31T23:59:59.9999999Z", -1n],
    ["0000-01-01", -62_167_219_200_000_000n],
    ["0001-01-01", -62_135_596_800_000_000n],
    ["+002020-02-29", 1_582_934_400_000_000n],
    ["-000001-12-31", -62_167_305_600_000_000n],
    ["+294247-01-10T04:00:54.775806Z", PLUS_INFINITY - 1n],
    ["-290308-12-21T19:59:05.224193Z", MINUS_INFINITY + 1n],
  ])("%s", (text, micros) => {
    expect(parse(text)).toBe(micros);
  });

  test.each([
    "",
    "now",
    "Infinity",
    "-Infinity",
    "20200131T101500Z",
    "2020-1-31",
    "2020-01-31 10:15",
    "2020-01-31T10",
    "2020-01-31T10:15:30.",
    "2020-01-31T10:15+0130",
    "2020-01-31T10:15z",
    "2020-01-31Z",
    "2020-W05-5",
    "2020-031",
    " 2020",
    "2020\n",
    "-000000",
    "12020-01-01",
    "1700000000000",
    "２０２０",
  ])("%j is refused", (text) => {
    expect(refusal(text)).toMatch(/^validFrom is ".*"; give a Date/s);
  });

  test.each([
    ["2023-02-30", "whose day"],
    ["2023-02-29", "whose day"],
    ["1900-02-29", "whose day"],
    ["2023-04-31", "whose day"],
    ["2023-01-00", "whose day"],
    ["2023-00-01", "whose month"],
    ["2023-13", "whose month"],
    ["2023-01-01T25:00", "whose time"],
    ["2023-01-01T24:00:01", "whose time"],
    ["2023-01-01T24:00:00.0000000001", "whose time"],
    ["2023-01-01T10:60", "whose time"],
    ["2016-12-31T23:59:60Z", "a leap second"],
    ["2023-01-01T10:15:61Z", "whose time"],
    ["2023-01-01T10:15+24:00", "whose offset"],
    ["2023-01-01T10:15-01:60", "whose offset"],
    ["+294247-01-10T04:00:54.775807Z", "out of range"],
    ["-999999", "out of range"],
  ])("%s is refused: %s", (text, why) => {
    expect(refusal(text)).toContain(why);
  });

  test("agrees with Date wherever that is defined", () => {
    const date = fc.integer({ min: -lastDate, max: lastDate }).map((milliseconds) => new Date(milliseconds));
    fc.assert(
      fc.property(date, (one) => {
        expect(parse(one.toISOString())).toBe(BigInt(one.getTime()) * 1000n);
      }),
      runs,
    );
  });
});

test.each([[undefined], [null], [true], [{}], [[]], [{ epochNanoseconds: 1 }], [() => 1], [Symbol("x")]])(
  "%j is no time",
  (value) => {
    expect(refusal(value)).toMatch(/^validFrom is .*; give a Date, milliseconds .* Temporal\.Instant$/);
  },
);

test("milliseconds tell microseconds apart from 1691 to 2248", () => {
  const limit = 2n ** 43n * 1000n;
  fc.assert(
    fc.property(fc.oneof(fc.bigInt(-limit, limit), fc.bigInt(limit - 1000n, limit)), (micros) => {
      expect(parse(toMilliseconds(micros))).toBe(micros);
    }),
    runs,
  );
});

test("milliseconds that are given back are accepted again, in the same order", () => {
  fc.assert(
    fc.property(anyTime, anyTime, (a, b) => {
      expect(parse(toMilliseconds(a)) === PLUS_INFINITY).toBe(a === PLUS_INFINITY);
      if (a < b) expect(toMilliseconds(a)).toBeLessThanOrEqual(toMilliseconds(b));
    }),
    runs,
  );
  expect(toMilliseconds(PLUS_INFINITY)).toBe(Number.POSITIVE_INFINITY);
  expect(toMilliseconds(MINUS_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
});

test("bytes read back and sort as times", () => {
  const encode = (micros: bigint): Uint8Array => {
    const bytes = new Uint8Array(INSTANT_BYTES + 5).fill(0xaa);
    encodeInstant(micros, bytes, 3);
    expect([...bytes.subarray(0, 3), ...bytes.subarray(INSTANT_BYTES + 3)]).toEqual([0xaa, 0xaa, 0xaa, 0xaa, 0xaa]);
    expect(decodeInstant(bytes, 3)).toBe(micros);
    return bytes.slice(3, INSTANT_BYTES + 3);
  };
  fc.assert(
    fc.property(anyTime, anyTime, (a, b) => {
      expect(Buffer.compare(encode(a), encode(b))).toBe(a < b ? -1 : a > b ? 1 : 0);
    }),
    runs,
  );
  expect(Buffer.from(encode(0n)).toString("hex")).toBe("8000000000000000");
  expect(Buffer.from(encode(-1n)).toString("hex")).toBe("7fffffffffffffff");
  expect(Buffer.from(encode(MINUS_INFINITY)).toString("hex")).toBe("0000000000000000");
  expect(Buffer.from(encode(PLUS_INFINITY)).toString("hex")).toBe("ffffffffffffffff");
});
