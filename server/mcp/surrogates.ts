/**
 * Texts that are no Unicode: half a surrogate pair can be written in JSON, and the reference memory server keeps it,
 * but a text in the database is UTF-8, which cannot. Guarantees: `original(storable(x))` is x for every JSON value;
 * what is Unicode without the marks of this file stays as it is.
 *
 * A half becomes the mark U+10D7FF and the character of the private plane that ends in the same digits; a mark in the
 * text itself is doubled.
 */
import { isDate, isUint8Array } from "node:util/types";

const MARK = "\u{10D7FF}";
const PLANE = 0x10_0000;
const HALF_OR_MARK = /[\p{Cs}\u{10D7FF}]/gu;
const NEEDS_CARE = /[\p{Cs}\u{10D7FF}]/u;
const MARKED = /\u{10D7FF}([\u{10D7FF}-\u{10DFFF}])/gu;

/** The same value, with texts that can be stored. */
export function storable(value: unknown): unknown {
  return mapTexts(value, storableText);
}

/** The value that was made {@link storable}. */
export function original(value: unknown): unknown {
  return mapTexts(value, originalText);
}

/** Whether a text is not stored as it is, so that parts of it are not found as such either. */
export function needsCare(text: string): boolean {
  return NEEDS_CARE.test(text) || /[\u{10D800}-\u{10DFFF}]/u.test(text);
}

export function storableText(text: string): string {
  if (!NEEDS_CARE.test(text)) return text;
  return text.replace(HALF_OR_MARK, (found) =>
    found === MARK ? MARK + MARK : MARK + String.fromCodePoint(PLANE + found.charCodeAt(0)),
  );
}

export function originalText(text: string): string {
  if (!text.includes(MARK)) return text;
  return text.replace(MARKED, (_, found: string) =>
    found === MARK ? MARK : String.fromCharCode((found.codePointAt(0) ?? PLANE) - PLANE),
  );
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null || isUint8Array(value) || isDate(value)) return value;
  if (Array.isArray(value)) return value.map((inner) => mapTexts(inner, change));
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [change(name), mapTexts(inner, change)] as const),
  );
}
