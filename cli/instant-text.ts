/**
 * Times as text: in options, in JSON and in tables. Guarantees: what is written is read back as the same time, to the
 * microsecond; whether an instant is a good one is said by the store.
 */
import type { Instant, Milliseconds } from "../index.js";

/** The largest distance from 1970 that a Date has. */
const MAX_DATE = 8.64e15;

/** What a text means where it is not ISO 8601. */
const OPEN_ENDS: ReadonlyMap<string, number> = new Map([
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);

/** Milliseconds since 1970; four digits are a year. */
const MILLISECONDS = /^-?(\d{5,}(\.\d+)?|\d+\.\d+)$/;

/** The instant that an option names: ISO 8601, milliseconds since 1970, `Infinity` or `-Infinity`. */
export function readInstant(text: string): Instant {
  return OPEN_ENDS.get(text) ?? (MILLISECONDS.test(text) ? Number(text) : text);
}

/** A time as JSON: ISO 8601 in UTC; null for an open end; milliseconds in years that a Date does not reach. */
export function instantJson(time: Milliseconds): string | number | null {
  if (!Number.isFinite(time)) return null;
  return Math.abs(time) > MAX_DATE - 1 ? time : isoText(time);
}

/** A time for people. */
export function instantText(time: Milliseconds): string {
  const json = instantJson(time);
  return json === null ? "open" : String(json).replace("T00:00:00Z", "");
}

/** To the second, or to the fraction where there is one. */
function isoText(time: Milliseconds): string {
  const micros = Math.round((time - Math.floor(time)) * 1000);
  const whole = Math.floor(time) + Math.floor(micros / 1000);
  const text = new Date(whole).toISOString().slice(0, -1);
  const digits = String(micros % 1000).padStart(3, "0");
  return `${`${text}${digits}`.replace(/0+$/, "").replace(/\.$/, "")}Z`;
}
