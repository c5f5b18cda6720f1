/**
 * Tables for people. Guarantees: any number of rows in constant memory, as widths come from the first ones; stored text
 * cannot break lines or reach the terminal; on a terminal the last column is cut to fit, elsewhere nothing is cut.
 */
import { safeLine } from "./safe-text.js";
import type { Output } from "./streams.js";

/** Rows that are looked at before the widths are fixed. */
const SAMPLE = 200;
const GAP = "  ";
/** Drawn two columns wide: emoji, and the scripts and forms of East Asia. */
const WIDE = new RegExp(
  String.raw`\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff]` +
    String.raw`|[\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]`,
  "u",
);
const WIDE_PLANES = 0x20000;
/** Drawn on top of what is before it. */
const ZERO = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Prints rows under headings; `end` must follow. */
export class Table {
  readonly #out: Output;
  readonly #headings: readonly string[];
  #sample: (readonly string[])[] = [];
  #widths: number[] | undefined;

  constructor(out: Output, headings: readonly string[]) {
    this.#out = out;
    this.#headings = headings;
  }

  async row(cells: readonly string[]): Promise<void> {
    const row = cells.map(safeLine);
    if (this.#widths !== undefined) return this.#print(row, this.#widths);
    this.#sample.push(row);
    if (this.#sample.length >= SAMPLE) await this.#begin();
  }

  /** Prints what is left; a table without rows prints nothing. */
  async end(): Promise<void> {
    if (this.#sample.length > 0) await this.#begin();
  }

  async #begin(): Promise<void> {
    const rows = this.#sample;
    this.#sample = [];
    const widths = this.#headings.map((heading, i) =>
      rows.reduce((widest, row) => Math.max(widest, textWidth(row[i])), textWidth(heading)),
    );
    this.#widths = widths;
    await this.#print(this.#headings, widths, true);
    for (const row of rows) await this.#print(row, widths);
  }

  async #print(cells: readonly string[], widths: readonly number[], isHeading = false): Promise<void> {
    const last = cells.length - 1;
    const padded = cells.map((cell, i) =>
      i === last ? cell : cell + " ".repeat(Math.max(0, widths[i] - textWidth(cell))),
    );
    const whole = padded.join(GAP);
    const line = cutTo(cells[last] === "" ? whole.trimEnd() : whole, this.#out.columns);
    await this.#out.line(isHeading ? [{ style: "bold", text: line }] : line);
  }
}

/** The columns that a text takes on a terminal. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** The beginning of a text that fits. */
export function cutTo(text: string, columns: number): string {
  if (columns === Number.POSITIVE_INFINITY || textWidth(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const character of text) {
    width += characterWidth(character);
    if (width > columns) break;
    kept += character;
  }
  return `${kept}…`;
}

function characterWidth(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x300) return 1;
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) || code >= WIDE_PLANES ? 2 : 1;
}
