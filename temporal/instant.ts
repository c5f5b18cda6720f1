/**
 * Times. Inside, a time is a bigint of microseconds since 1970 UTC, in 64 signed bits; the least and the greatest value
 * stand for the open ends. Guarantees: every accepted form is read exactly, rounded once and only below a microsecond;
 * anything else is an error that names what it was given for. Encoded times compare byte by byte as the times do.
 * `toMilliseconds` gives back every Date exactly, and from 1691 to 2248 every microsecond.
 */
import { isDate } from "node:util/types";
import { LlmdbError } from "../pager/error.js";

/**
 * A time as callers give it: a `Date`, a number of milliseconds since 1970 UTC (fractions count, to the nearest
 * microsecond; `-Infinity` and `Infinity` are the open ends), an ISO 8601 string, a bigint of microseconds since 1970
 * UTC, or a `Temporal.Instant`.
 */
export type Instant = Date | number | string | bigint | { epochNanoseconds: bigint };

/** Before every time. */
export const MINUS_INFINITY = -(2n ** 63n);
/** After every time. */
export const PLUS_INFINITY = 2n ** 63n - 1n;
/** The bytes of an encoded time. */
export const INSTANT_BYTES = 8;

const MICROS_PER_SECOND = 1_000_000n;
const MICROS_PER_MILLISECOND = 1000n;
const SECONDS_PER_DAY = 86_400;
/** Whole milliseconds up to here times 1000, plus 1000, are whole numbers that a double holds. */
const SMALL_MILLISECONDS = 9e12;
/** Microseconds up to here are whole numbers that a double holds. */
const EXACT_MICROS = 2n ** 53n;
/** The largest double that is a time in milliseconds, so that what is given back is accepted again. */
const LAST_MILLISECOND = 9_223_372_036_854_774;

/** Date, then time and offset: `2020`, `2020-01`, `2020-01-31`, `2020-01-31T10:15`, `…:00.5Z`, `…+01:30`. */
const ISO_8601 =
  /^(\d{4}|[+-]\d{6})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(Z|[+-]\d\d(?::\d\d)?)?)?)?)?$/;

/**
 * Reads a time. `what` names it in the error.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function parseInstant(value: unknown, what: string): bigint {
  if (typeof value === "bigint") return requireRange(value, what);
  if (typeof value === "number") return fromMilliseconds(value, what);
  if (typeof value === "string") return fromText(value, what);
  if (isDate(value)) {
    const milliseconds = value.getTime();
    if (Number.isNaN(milliseconds)) throw refused(what, "an invalid Date");
    return fromMilliseconds(milliseconds, what);
  }
  if (typeof value === "object" && value !== null && "epochNanoseconds" in value) {
    const nanoseconds = value.epochNanoseconds;
    if (typeof nanoseconds === "bigint") return requireRange(floorToMicros(nanoseconds), what);
  }
  throw refused(what, describe(value));
}

/** What `toISOString` writes: three decimals, whatever the time was before it was made a `Date`. */
const OF_MILLISECONDS = /[.,]\d{3}(?!\d)/;

/**
 * The last instant that a time can stand for, where `micros` is what it was read as. A `Date`, and a string with three
 * decimals as `toISOString` writes it, have lost the microseconds of the time that they were made from: as a time up to
 * which something was known they mean the end of their millisecond. All others are exact.
 */
export function endOf(value: unknown, micros: bigint): bigint {
  const isOfMilliseconds = typeof value === "string" ? OF_MILLISECONDS.test(value) : isDate(value);
  return isOfMilliseconds ? micros + MICROS_PER_MILLISECOND - 1n : micros;
}

/** Milliseconds since 1970 UTC, with fractions; the open ends are `-Infinity` and `Infinity`. */
export function toMilliseconds(micros: bigint): number {
  if (micros === PLUS_INFINITY) return Number.POSITIVE_INFINITY;
  if (micros === MINUS_INFINITY) return Number.NEGATIVE_INFINITY;
  // A single division rounds once.
  if (micros <= EXACT_MICROS && micros >= -EXACT_MICROS) return Number(micros) / 1000;
  const milliseconds = Number(micros / 1000n) + Number(micros % 1000n) / 1000;
  return Math.max(-LAST_MILLISECOND, Math.min(LAST_MILLISECOND, milliseconds));
}

// A bigint goes to and from bytes through one scratch word pair: half the time of shifting bigints, and less than
// a DataView takes.
const scratch = new BigInt64Array(1);
const words = new Int32Array(scratch.buffer);
const HIGH = new Uint8Array(Uint16Array.of(1).buffer)[0];
const LOW = 1 - HIGH;

/** Writes a time as 8 bytes, big-endian with the sign bit flipped. */
export function encodeInstant(micros: bigint, into: Uint8Array, at: number): void {
  scratch[0] = micros;
  const high = words[HIGH] ^ 0x8000_0000;
  const low = words[LOW];
  into[at] = high >>> 24;
  into[at + 1] = high >>> 16;
  into[at + 2] = high >>> 8;
  into[at + 3] = high;
  into[at + 4] = low >>> 24;
  into[at + 5] = low >>> 16;
  into[at + 6] = low >>> 8;
  into[at + 7] = low;
}

/** Reads what {@link encodeInstant} wrote. */
export function decodeInstant(bytes: Uint8Array, at: number): bigint {
  words[HIGH] = ((bytes[at] ^ 0x80) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  words[LOW] = (bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7];
  return scratch[0];
}

function fromMilliseconds(milliseconds: number, what: string): bigint {
  if (milliseconds === Number.POSITIVE_INFINITY) return PLUS_INFINITY;
  if (milliseconds === Number.NEGATIVE_INFINITY) return MINUS_INFINITY;
  if (Number.isNaN(milliseconds)) throw refused(what, "NaN");
  const whole = Math.trunc(milliseconds);
  const fraction = roundToMicros(milliseconds - whole);
  if (whole < SMALL_MILLISECONDS && whole > -SMALL_MILLISECONDS) return BigInt(whole * 1000 + fraction);
  return requireRange(BigInt(whole) * 1000n + BigInt(fraction), what);
}

/** A fraction of a millisecond in microseconds: the nearest, of two equally near ones the later. */
function roundToMicros(fraction: number): number {
  const product = fraction * 1000;
  const below = Math.floor(product);
  // The product is rounded. That can carry it onto the middle between two microseconds, but never across.
  if (product - below !== 0.5) return Math.round(product);
  const head = Math.fround(fraction);
  const error = head * 1000 - product + (fraction - head) * 1000; // exact: the factors are short
  return error < 0 ? below : below + 1;
}

function fromText(text: string, what: string): bigint {
  const read = readText(text);
  if (typeof read === "string") throw refused(what, read);
  return requireRange(read, what);
}

/** What is wrong with a text as a time, such as `"2020-02-30", whose day its month does not have`; else undefined. */
export function problemOfText(text: string): string | undefined {
  const read = readText(text);
  if (typeof read === "string") return read;
  return isInRange(read) ? undefined : `"${text.slice(0, 50)}", which is out of range`;
}

/** The time, or what is wrong with the text. */
function readText(text: string): bigint | string {
  const shown = `"${text.slice(0, 50)}"`;
  const match = ISO_8601.exec(text);
  if (match === null || match[1] === "-000000") return shown;
  const [, year, month = "01", day = "01", hour = "00", minute = "00", second = "00", fraction = "", offset] = match;
  const problem =
    problemOfDate(Number(year), Number(month), Number(day)) ??
    problemOfTime(Number(hour), Number(minute), Number(second), fraction) ??
    problemOfOffset(offset);
  if (problem !== undefined) return `${shown}, ${problem}`;
  const days = daysFromCivil(Number(year), Number(month), Number(day));
  const seconds = days * SECONDS_PER_DAY + Number(hour) * 3600 + Number(minute) * 60 + Number(second);
  // Digits beyond the microsecond are left out. The fraction counts forward, so that is towards the past, always.
  const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
  return BigInt(seconds - secondsOfOffset(offset)) * MICROS_PER_SECOND + BigInt(micros);
}

function problemOfDate(year: number, month: number, day: number): string | undefined {
  if (month < 1 || month > 12) return "whose month is not 01 to 12";
  if (day < 1 || day > daysInMonth(year, month)) return "whose day its month does not have";
  return undefined;
}

function problemOfTime(hour: number, minute: number, second: number, fraction: string): string | undefined {
  if (second === 60) return "a leap second; give :59 or the next minute";
  if (hour === 24 && minute === 0 && second === 0 && !/[1-9]/.test(fraction)) return undefined;
  return hour < 24 && minute < 60 && second < 60 ? undefined : "whose time of day is not 00:00:00 to 24:00:00";
}

function problemOfOffset(offset: string | undefined): string | undefined {
  if (offset === undefined || offset === "Z") return undefined;
  const inside = Number(offset.slice(1, 3)) < 24 && Number(offset.slice(4)) < 60;
  return inside ? undefined : "whose offset is not -23:59 to +23:59";
}

function secondsOfOffset(offset: string | undefined): number {
  if (offset === undefined || offset === "Z") return 0;
  const seconds = Number(offset.slice(1, 3)) * 3600 + Number(offset.slice(4)) * 60;
  return offset.startsWith("-") ? -seconds : seconds;
}

function daysInMonth(year: number, month: number): number {
  if (month !== 2) return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
}

/**
 * The days from 1970-01-01 to a day of the Gregorian calendar: `days_from_civil` by Howard Hinnant
 * (https://howardhinnant.github.io/date_algorithms.html, public domain). Years begin in March, so that the leap day is
 * a year's last, and go by eras of 400.
 */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function floorToMicros(nanoseconds: bigint): bigint {
  const micros = nanoseconds / 1000n;
  return micros * 1000n > nanoseconds ? micros - 1n : micros;
}

function requireRange(micros: bigint, what: string): bigint {
  if (isInRange(micros)) return micros;
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} is out of range; times go from about the year -290308 to 294247, -Infinity and Infinity are the open ends`,
  );
}

function isInRange(micros: bigint): boolean {
  return micros > MINUS_INFINITY && micros < PLUS_INFINITY;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function refused(what: string, found: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${what} is ${found}; give a Date, milliseconds since 1970 (-Infinity and Infinity for the open ends), ` +
      'an ISO 8601 string such as "2020-01-31" or "2020-01-31T10:15:00.5+01:00", a bigint of microseconds, ' +
      "or a Temporal.Instant",
  );
}
