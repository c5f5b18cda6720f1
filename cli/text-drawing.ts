/**
 * The slices of one key drawn with characters: a line for each transaction that changed what was known, newest on top,
 * valid time to the right. Guarantees: the same text for the same slices; a letter stands for one value in all lines.
 */
import type { Version } from "../index.js";
import { valueText } from "./arguments.js";
import { instantText } from "./instant-text.js";
import { safeLine } from "./safe-text.js";
import { cutTo } from "./table.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const NOTHING = "·";
const MIN_PLANE = 20;
const MAX_PLANE = 100;
/** Columns before the first and after the last instant, for what goes on. */
const MARGIN = 4;

/** Lines that show the slices, as wide as `columns`. */
export function drawText(versions: readonly Version<unknown>[], columns: number): string[] {
  const letters = lettersOf(versions);
  const ends = versions.flatMap(({ txFrom, txTo, knownFrom, knownTo }) => [
    [txFrom, knownFrom],
    [txTo, knownTo],
  ]);
  const changes = [...new Map(ends.filter(([tx]) => Number.isFinite(tx)).map(([tx, time]) => [tx, time]))];
  const heads = new Map(changes.map(([tx, time]) => [tx, `tx ${tx}  ${instantText(time)}`]));
  const headWidth = Math.max(...[...heads.values()].map(({ length }) => length)) + 2;
  const axis = new TextAxis(versions, Math.max(MIN_PLANE, Math.min(MAX_PLANE, columns - headWidth)));
  const rows = changes
    .sort(([a], [b]) => b - a)
    .map(([tx]) => (heads.get(tx) ?? "").padEnd(headWidth) + rowAt(tx, versions, letters, axis));
  const legend = [...letters].map(([text, letter]) => cutTo(`${letter}  ${text}`, columns));
  return [...rows, ...axis.labels().map((line) => " ".repeat(headWidth) + line), "", ...legend];
}

/** Where instants stand, in characters. */
class TextAxis {
  readonly width: number;
  readonly #first: number;
  readonly #last: number;

  constructor(versions: readonly Version<unknown>[], width: number) {
    const finite = versions.flatMap(({ validFrom, validTo }) => [validFrom, validTo]).filter(Number.isFinite);
    this.width = width;
    this.#first = finite.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    this.#last = finite.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  }

  column(time: number): number {
    if (time === Number.NEGATIVE_INFINITY) return 0;
    if (time === Number.POSITIVE_INFINITY) return this.width;
    const span = this.#last - this.#first;
    const share = span > 0 ? (time - this.#first) / span : 0;
    return MARGIN + Math.round(share * (this.width - 2 * MARGIN - 1));
  }

  /** The first and the last instant, below where they stand. */
  labels(): string[] {
    if (!Number.isFinite(this.#first)) return [];
    const first = " ".repeat(this.column(this.#first));
    if (this.#first === this.#last) return [`${first}^ ${instantText(this.#first)}`];
    const ticks = `${first}^`.padEnd(this.column(this.#last));
    const from = instantText(this.#first);
    return [`${ticks}^`, `${first}${from} to ${instantText(this.#last)}`];
  }
}

/** What was known after a transaction. A slice has at least one character. */
function rowAt(
  tx: number,
  versions: readonly Version<unknown>[],
  letters: ReadonlyMap<string, string>,
  axis: TextAxis,
): string {
  const row = new Array<string>(axis.width).fill(NOTHING);
  for (const { txFrom, txTo, validFrom, validTo, value } of versions) {
    if (tx < txFrom || tx >= txTo) continue;
    const from = axis.column(validFrom);
    row.fill(letters.get(labelOf(value)) ?? "?", from, Math.max(from + 1, axis.column(validTo)));
  }
  return row.join("");
}

/** A letter for each value; when there are no more, the rest share one. */
function lettersOf(versions: readonly Version<unknown>[]): Map<string, string> {
  const texts = new Set(versions.map(({ value }) => labelOf(value)));
  return new Map([...texts].map((text, i) => [text, LETTERS[i] ?? "#"]));
}

function labelOf(value: unknown): string {
  return safeLine(valueText(value));
}
