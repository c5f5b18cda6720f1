/**
 * The order of keys, written a second time without bytes: numbers are compared exactly, as fractions of bigints. And
 * arbitrary keys that come close to each other.
 */
import fc from "fast-check";
import type { Key } from "../../engine/key.js";

/** Negative, zero or positive, as in `Array.prototype.sort`. */
export function compareKeys(a: Key, b: Key): number {
  const rank = rankOf(a) - rankOf(b);
  if (rank !== 0) return rank;
  if (typeof a === "boolean") return Number(a) - Number(b);
  if (typeof a === "number" || typeof a === "bigint") return compareNumbers(a, b as number | bigint);
  if (typeof a === "string") return compareLists([...a].map(codePoint), [...(b as string)].map(codePoint), minus);
  if (a instanceof Uint8Array) return compareLists([...a], [...(b as Uint8Array)], minus);
  if (Array.isArray(a)) return compareLists(a as Key[], b as Key[], compareKeys);
  return 0;
}

/** The key as it reads back. */
export function canonical(key: Key): Key {
  if (typeof key === "number" && Number.isInteger(key)) return canonical(BigInt(key));
  if (typeof key === "bigint")
    return BigInt(Number(key)) === key && Number.isSafeInteger(Number(key)) ? Number(key) : key;
  if (key instanceof Uint8Array) return new Uint8Array(key);
  if (Array.isArray(key)) return (key as Key[]).map(canonical);
  return key;
}

function rankOf(key: Key): number {
  if (key === null) return 0;
  if (key instanceof Uint8Array) return 4;
  return { boolean: 1, number: 2, bigint: 2, string: 3, object: 5 }[typeof key as string] ?? Number.NaN;
}

function codePoint(character: string): number {
  return character.codePointAt(0)!;
}

function minus(a: number, b: number): number {
  return a - b;
}

function compareLists<T>(a: readonly T[], b: readonly T[], compare: (a: T, b: T) => number): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const order = compare(a[i], b[i]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareNumbers(a: number | bigint, b: number | bigint): number {
  if (a === b) return 0;
  if (a === Number.NEGATIVE_INFINITY || b === Number.POSITIVE_INFINITY) return -1;
  if (a === Number.POSITIVE_INFINITY || b === Number.NEGATIVE_INFINITY) return 1;
  const [left, right] = [scaled(a), scaled(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The number times 2^1074, which makes every double whole. */
function scaled(x: number | bigint): bigint {
  if (typeof x === "bigint") return x << 1074n;
  let exponent = 0n;
  let mantissa = x;
  while (!Number.isInteger(mantissa)) {
    mantissa *= 2;
    exponent++;
  }
  return BigInt(mantissa) << (1074n - exponent);
}

const edges: (number | bigint)[] = [
  2n ** 31n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n,
  2n ** 64n,
  2n ** 72n,
  2n ** 520n,
]
  .flatMap((edge) => [edge - 2n, edge - 1n, edge, edge + 1n, edge + 2n])
  .flatMap((edge) => [edge, -edge]);
for (const x of [0, 0.5, 1, 1.5, 2, 127, 127.5, 128, 255, 256, 65535.25, 2 ** 52 + 0.5, Number.MIN_VALUE, 2 ** -1022]) {
  edges.push(x, -x);
}
for (const x of [1 - 2 ** -53, 1 + 2 ** -52, Number.MAX_VALUE, 1e300, 2 ** 53, 2 ** 63, 2 ** 64, 2 ** 70, Infinity]) {
  edges.push(x, -x);
}

/** Numbers and bigints at the places where the encoding changes its shape. */
export const edgeNumbers: readonly (number | bigint)[] = edges;

const text = fc.oneof(
  fc.string({
    unit: fc.constantFrom("\0", "\u0001", "\u0002", "a", "b", "\u007f", "\u0080", "\uffff", "😀"),
    maxLength: 4,
  }),
  fc.string({ unit: "grapheme", maxLength: 20 }),
  fc.string({ maxLength: 40 }),
);
const bytes = fc.oneof(
  fc.array(fc.constantFrom(0, 1, 2, 0x20, 0xff), { maxLength: 4 }).map((list) => new Uint8Array(list)),
  fc.uint8Array({ maxLength: 20 }),
);

/** Any number or bigint that can be a key. */
export const anyNumber: fc.Arbitrary<number | bigint> = fc.oneof(
  fc.constantFrom(...edges),
  fc.integer({ min: -300, max: 300 }),
  fc.integer({ min: -600, max: 600 }).map((x) => x / 4),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.bigInt(-(2n ** 66n), 2n ** 66n),
  fc.bigInt(-(2n ** 200n), 2n ** 200n),
);

const scalar: fc.Arbitrary<Key> = fc.oneof(fc.constantFrom(null, true, false), anyNumber, text, bytes);

/** Any key, tuples in tuples among them. */
export const anyKey: fc.Arbitrary<Key> = fc.letrec<{ key: Key }>((tie) => ({
  key: fc.oneof({ maxDepth: 3, withCrossShrink: true }, scalar, fc.array(tie("key"), { maxLength: 3 })),
})).key;

/** Two keys that often have a beginning in common. */
export const twoKeys: fc.Arbitrary<[Key, Key]> = fc.oneof(
  fc.tuple(anyKey, anyKey),
  fc.tuple(anyNumber, anyNumber),
  fc.tuple(text, text, text).map(([head, a, b]): [Key, Key] => [head + a, head + b]),
  fc
    .tuple(fc.array(anyKey, { maxLength: 2 }), fc.array(scalar, { maxLength: 2 }), fc.array(scalar, { maxLength: 2 }))
    .map(([head, a, b]): [Key, Key] => [
      [...head, ...a],
      [...head, ...b],
    ]),
  fc.tuple(text, text, scalar).map(([head, a, tail]): [Key, Key] => [[head, tail], [head + a]]),
  fc.tuple(scalar, scalar, scalar).map(([head, a, b]): [Key, Key] => [[[head], a], [[head, b]]]),
);
