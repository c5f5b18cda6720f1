/**
 * Times as models write them. Guarantees: a spelling that can mean one instant only is read as that instant, to the
 * microsecond; one that can mean several, or none, is an error that shows how to write it, and what time it is. No
 * error names a type that JSON does not have.
 *
 * Besides ISO 8601 of the store: a space or a small letter for `T`, a small `z`, `+0200`, `+02`, `UTC` or `GMT`, a zone
 * in brackets after an offset, the basic form `20260329T023000Z`, one digit where two are usual, `/` between the parts
 * of a date that begins with its year, and months by their English names. As in ISO 8601, a time without an offset is
 * UTC, and a day alone is its beginning.
 */
import { LlmdbError } from "../../pager/error.js";
import { fileStorage } from "../../pager/file-storage.js";
import { problemOfText } from "../../temporal/instant.js";
import { timeText } from "./time-text.js";

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const MONTH = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?";
const WEEKDAY = "(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*\\.?,?\\s+)?";

/** Each with the groups year, month, day, in the order that `order` says; then the rest of the text. */
const DATES: readonly { readonly form: RegExp; readonly order: readonly [number, number, number] }[] = [
  { form: /^(\d{4}|[+-]\d{6})(?:[-/](\d{1,2})(?:[-/](\d{1,2}))?)?(?!\d)/, order: [1, 2, 3] },
  { form: /^(\d{4})(\d\d)(\d\d)(?=$|t)/i, order: [1, 2, 3] },
  {
    form: new RegExp(`^${WEEKDAY}(\\d{1,2})(?:st|nd|rd|th)?[\\s-]+${MONTH},?[\\s-]+(\\d{4})(?!\\d)`, "i"),
    order: [3, 2, 1],
  },
  { form: new RegExp(`^${WEEKDAY}${MONTH}\\s+(\\d{1,2})(?:st|nd|rd|th)?,?\\s+(\\d{4})(?!\\d)`, "i"), order: [3, 1, 2] },
];
const OFFSET = "(?:\\s*(z|utc|gmt|(?:utc|gmt)?\\s*[+-]\\d{1,2}(?::?\\d\\d)?))?";
const CLOCK = new RegExp(`^(?:t|,?\\s+)(\\d{1,2}):(\\d\\d)(?::(\\d\\d)(?:[.,](\\d+))?)?${OFFSET}$`, "i");
const BASIC_CLOCK = new RegExp(`^t(\\d\\d)(\\d\\d)(\\d\\d)?(?:[.,](\\d+))?${OFFSET}$`, "i");
/** `[Europe/Berlin]` or `(CEST)` after an offset says nothing more. */
const ZONE_NAME = /(?<=[\dz])\s*(?:\[[^\]]*\]|\([^)]*\))$/i;
/** Which of the first two is the month depends on the country. */
const DAY_OR_MONTH_FIRST = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})\b/;
const NOW = "now";

/**
 * The point that a text names, as ISO 8601 of the store; undefined for `now`.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function readTime(text: string, name: string): string | undefined {
  const given = text.trim();
  if (given.toLowerCase() === NOW) return undefined;
  const iso = isoOf(given.replace("\u2212", "-").replace(ZONE_NAME, "")) ?? given;
  const problem = problemOfText(iso);
  if (problem === undefined) return iso;
  throw refused(name, problem, given);
}

/** The same, where `now` is wanted as a time too. */
export function readInstantText(text: string, name: string): string {
  return readTime(text, name) ?? nowText();
}

function nowText(): string {
  return timeText(fileStorage.now()) ?? "";
}

function isoOf(text: string): string | undefined {
  for (const { form, order } of DATES) {
    const match = form.exec(text);
    if (match === null) continue;
    const [year, month, day] = order.map((group) => match[group]);
    const clock = isoClock(text.slice(match[0].length));
    // A time of day goes with a day.
    if (clock === undefined || (clock !== "" && day === undefined)) return undefined;
    return (
      [
        year,
        ...(month === undefined ? [] : [twoDigits(monthNumber(month))]),
        ...(day === undefined ? [] : [twoDigits(day)]),
      ].join("-") + clock
    );
  }
  return undefined;
}

/** The time of day with its offset; empty where there is none, undefined where it is something else. */
function isoClock(text: string): string | undefined {
  if (text === "") return "";
  const match = CLOCK.exec(text) ?? BASIC_CLOCK.exec(text);
  if (match === null) return undefined;
  const [, hour, minute, second, fraction, offset] = match;
  const rest = `${second === undefined ? "" : `:${second}`}${fraction === undefined ? "" : `.${fraction}`}`;
  return `T${twoDigits(hour)}:${minute}${rest}${isoOffset(offset)}`;
}

function isoOffset(offset: string | undefined): string {
  if (offset === undefined) return "";
  const match = /([+-])(\d{1,2})(?::?(\d\d))?$/.exec(offset);
  return match === null ? "Z" : `${match[1]}${twoDigits(match[2])}:${match[3] ?? "00"}`;
}

function monthNumber(month: string): string {
  const index = MONTHS.indexOf(month.slice(0, 3).toLowerCase());
  return index < 0 ? month : String(index + 1);
}

function twoDigits(digits: string): string {
  return digits.padStart(2, "0");
}

function refused(name: string, problem: string, given: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${name} is ${problem}${twoReadings(given)}; give ISO 8601, such as 2026-03-29 or 2026-03-29T02:30:00+02:00; ` +
      `now is ${nowText()}`,
  );
}

function twoReadings(given: string): string {
  const match = DAY_OR_MONTH_FIRST.exec(given);
  if (match === null) return "";
  const [, first, second, year] = match;
  const dates = [
    `${year}-${twoDigits(first)}-${twoDigits(second)}`,
    `${year}-${twoDigits(second)}-${twoDigits(first)}`,
  ];
  const possible = [...new Set(dates)].filter((date) => problemOfText(date) === undefined);
  return possible.length === 0 ? "" : `, which may be ${possible.join(" or ")}`;
}
