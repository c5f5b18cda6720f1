/** JSON text that is read: integers to the digit, everything else as `JSON.parse` reads it, and errors with a place. */
import { inspect, isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_INTEGER_DIGITS, readJson } from "../../../models/values/json-reader.js";
import { effort } from "../../effort.js";

/** A JSON text and the value that it must be read as. */
interface Sample {
  readonly text: string;
  readonly value: unknown;
}

const HOSTILE_NAMES = ["__proto__", "constructor", "toString", "0", "-1", "", "$bigint", 'a"b\\', "\u2028", "\ud800"];

const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.constantFrom(
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    1n - 2n ** 53n,
    -(2n ** 53n),
    999999999999999n,
    10n ** 400n,
  ),
);
const spaces = fc.constantFrom("", "", " ", "\n", "\r\n", "\t ");
const fraction = fc.constantFrom(
  "0.1",
  "1.0",
  "5e3",
  "1E+2",
  "-0",
  "12345678901234567890.5",
  "1e-400",
  "1e308",
  "1e030",
);
const string = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ minLength: 30, maxLength: 90 }),
  fc.constant("1e999"),
);
const stringText = string.map((value) => ({ text: JSON.stringify(value).replaceAll("/", "\\/"), value }));
const leaf: fc.Arbitrary<Sample> = fc.oneof(
  integer.map((n) => ({ text: String(n), value: Number.isSafeInteger(Number(n)) ? Number(n) : n })),
  fraction.map((text) => ({ text, value: JSON.parse(text) })),
  fc
    .double({ noDefaultInfinity: true, noNaN: true })
    .filter((n) => !Number.isInteger(n))
    .map(sampleOf),
  stringText,
  fc.constantFrom(null, true, false).map(sampleOf),
);
const name = fc.oneof(fc.constantFrom(...HOSTILE_NAMES), fc.string({ maxLength: 5 }));
const { sample } = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.tuple(fc.array(tie("sample")), spaces).map(([elements, space]) => ({
      text: `[${space}${elements.map(({ text }) => text).join(`${space},`)}${space}]`,
      value: elements.map(({ value }) => value),
    })),
    // A name may come twice: the last one counts.
    fc.tuple(fc.array(fc.tuple(name, tie("sample"))), spaces).map(([entries, space]) => ({
      text: `{${entries.map(([key, { text }]) => `${space}${JSON.stringify(key)}${space}:${text}`).join(",")}${space}}`,
      value: Object.fromEntries(entries.map(([key, { value }]) => [key, value])),
    })),
  ),
}));

/** The matchers of the test runner look at `constructor`, which may be a property here. */
function requireSame(read: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(read, expected)) throw new Error(`read as ${inspect(read)}, not as ${inspect(expected)}`);
}

function sampleOf(value: unknown): Sample {
  return { text: JSON.stringify(value), value };
}

test("a text is read as what it was made of, integers to the digit", () => {
  fc.assert(
    fc.property(sample, spaces, ({ text, value }, space) => {
      requireSame(readJson(space + text + space), value);
    }),
    { numRuns: effort(1000) },
  );
});

test("what JSON.parse holds is read as JSON.parse reads it, and what it refuses is refused", () => {
  const seeds = fc.constantFrom(
    "[1,2.5,-0,1e5]",
    '{"a":"b\\"c","d":[true,false,null]}',
    "12345678901234567.5",
    "[-1e400]",
    '["1234567890123456789",12345678901234567890]',
    "1".repeat(309),
  );
  const characters = [...'[]{},:"\\ \n\t-+.eE0123456789truefalsn/u\u0001\u00e9'];
  const piece = fc.constantFrom(...characters, "12345678901234567", "e999", "[", "]", ",");
  const edit = fc.tuple(fc.nat(400), piece, fc.nat(2));
  fc.assert(
    fc.property(seeds, fc.array(edit, { maxLength: 5 }), (seed, edits) => {
      let text = seed;
      for (const [place, more, cut] of edits) {
        const at = place % (text.length + 1);
        text = text.slice(0, at) + more + text.slice(at + cut);
      }
      requireAsNative(text);
    }),
    { numRuns: effort(4000) },
  );
});

/** With numbers in place of bigints, where `JSON.parse` would have changed one. */
function requireAsNative(text: string): void {
  let read: unknown;
  try {
    read = rounded(readJson(text, 50));
  } catch (error) {
    expect(error).toMatchObject({ code: "LLMDB_INVALID_ARGUMENT", details: { offset: expect.any(Number) } });
    if (/beyond the range/.test(String(error))) expect(text).toMatch(/e\+?\d{3}|\d{300}/i);
    else expect(() => JSON.parse(text)).toThrow(SyntaxError);
    return;
  }
  requireSame(read, JSON.parse(text));
}

function rounded(value: unknown): unknown {
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(rounded);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, rounded(inner)]));
}

test("only integers beyond 2^53 - 1 are bigints", () => {
  expect(readJson("[9007199254740991,-9007199254740991,9007199254740992,-9007199254740992]")).toStrictEqual([
    9007199254740991,
    -9007199254740991,
    9007199254740992n,
    -9007199254740992n,
  ]);
  expect(readJson("[1497549923779084388,1497549923779084388.0,1.497549923779084388e18]")).toStrictEqual([
    1497549923779084388n,
    Number("1497549923779084388"),
    Number("1497549923779084388"),
  ]);
});

test("a property called __proto__ is an own one, beside a long integer as well", () => {
  for (const number of ["1", "12345678901234567890"]) {
    const read = readJson(`{"__proto__":{"a":${number}},"b":{"__proto__":null}}`);
    expect(Object.keys(Object(read))).toEqual(["__proto__", "b"]);
    expect(Object.getPrototypeOf(read)).toBe(Object.prototype);
  }
});

test.each([
  ["", /the text ends where a value should be \(at character 1\)/],
  ["[1,]", /there is "]" where a value should be \(at character 4\)/],
  ['{"a":1 "b":2}', /there is a double quote where "," or "}" should be \(at character 8\)/],
  ['{\n  "a": 1,\n  b: 2}', /there is "b" where a property in double quotes should be \(in line 3 at character 3\)/],
  ["[\u202e]", /there is U\+202E where a value should be \(at character 2\)/],
  ["[\u009b]", /there is U\+009B/],
  ["01", /there is "1" where the end should be/],
  ['["a\nb"]', /a string that JSON does not allow.*\(at character 2\)/],
  ['"abc', /a string that JSON does not allow/],
  ["[1,1e400]", /beyond the range of numbers.*\(at character 4\)/],
  ["-1e0400", /beyond the range of numbers/],
  [`${"9".repeat(400)}.0`, /beyond the range of numbers/],
  [`-${"1".repeat(MAX_INTEGER_DIGITS + 1)}`, /an integer of 10001 digits, where 10000 are the most/],
  ["[[[]]]", /nested too deeply: 2 arrays and objects in each other are the most; .* \(at character 3\)/],
])("an error says what and where: %j", (text, message) => {
  expect(() => readJson(text, 2)).toThrow(
    expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT", message: expect.stringMatching(message) }),
  );
});

test("the depth is counted outside of strings, and up to the limit it is read", () => {
  expect(readJson(`[${"[".repeat(99)}"[[[\\"[[["${"]".repeat(99)}]`)).toBeDefined();
  expect(readJson(`${"[".repeat(100)}12345678901234567890${"]".repeat(100)}`)).toBeDefined();
  expect(() => readJson(`${"[".repeat(101)}${"]".repeat(101)}`)).toThrow(/nested too deeply/);
  const many = `[${'[{"a":[]}],'.repeat(1000)}0]`;
  expect(readJson(many, 4)).toHaveLength(1001);
});

test("ten million levels are refused at the first that is too many", () => {
  for (const open of ["[", '{"a":']) {
    const text = open.repeat(10_000_000);
    expect(() => readJson(text)).toThrow(expect.objectContaining({ details: { offset: 100 * open.length } }));
  }
});

test("a long text without an end, and digits without end, take linear time", () => {
  const most = 4_000_000;
  expect(() => readJson(`"${'\\"'.repeat(most)}`)).toThrow(/a string that JSON does not allow/);
  expect(() => readJson(`"${"\\".repeat(most + 1)}"`)).toThrow(/a string that JSON does not allow/);
  expect(readJson(`[12345678901234567890,0.${"1".repeat(most)}]`)).toEqual([12345678901234567890n, 0.1111111111111111]);
  expect(() => readJson("1".repeat(most))).toThrow(/4000000 digits/);
});
