/**
 * A picture of the slices of one key: rectangles in the plane of valid time, to the right, and transaction time,
 * upwards. Guarantees: a pure function of its arguments, the same text for the same slices; well-formed SVG without
 * scripts, external fonts or identifiers, so that it can be in a page alongside others; readable in light and dark
 * mode; each slice has one rectangle; open ends have arrows.
 */
import { LlmdbError } from "../pager/error.js";
import { type At, requireOptions } from "./at.js";
import { Axis, type AxisUnit, type Tick, timeText } from "./axis.js";
import { parseInstant, toMilliseconds } from "./instant.js";
import type { Version } from "./reads.js";

/** How slices are drawn. */
export interface DrawingOptions {
  /** What is up: when a slice was known, or in which transactions. Default `"time"`. */
  known?: AxisUnit;
  /** Points and lines to mark: `validAt`, and `knownAt` where `known` is `"time"`, or `tx` where it is `"tx"`. */
  marks?: readonly At[];
  /** The heading, also read out by screen readers. Default: `"What was known when, about which time"`. */
  title?: string;
  /** How a value is written. Default: a string as it is, anything else as JSON. Equal texts have one colour. */
  label?: (value: unknown) => string;
  /** Pixels, 320 to 10,000. Default 720. */
  width?: number;
  /** Pixels, 150 to 10,000. Default 400. */
  height?: number;
}

/** Where the plane is in the picture. */
const LEFT = 96;
const RIGHT = 40;
const TOP = 52;
const BOTTOM = 52;
const ARROW = 7;
/** Of a character of 12 pixels; what is wider is counted twice. */
const CHARACTER = 7.2;
/** Of a character of a date. */
const DIGIT = 6.8;
const LINE = 16;
const TICK_ROOM_X = 84;
const HUES = [210, 30, 140, 330, 265, 55, 180, 0, 95, 300, 235, 15];
const TITLE = "What was known when, about which time";
const KNOWN = ["known", "marks", "title", "label", "width", "height"];

/** A slice in the plane, in pixels from the upper left corner of the picture. */
interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** The ends of a slice on the vertical axis. */
type KnownSpan = (version: Version<unknown>) => readonly [number, number];

/**
 * Draws the slices of one key, as `versions` gives them, as an SVG image. Valid time runs to the right, transaction
 * time upwards; each slice is a rectangle in the colour of its value, and an arrow shows where it goes on forever.
 *
 * @param versions the slices of one key; none is fine
 * @returns a complete SVG document as text
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for options that do not fit, and a mark by `tx` on an axis of times or by
 * `knownAt` on one of transactions
 *
 * @example
 * ```ts
 * const svg = drawVersions(db.versions("node-16"), { marks: [{ validAt: "2023-10-01", knownAt: "2022-01-01" }] });
 * ```
 */
export function drawVersions(versions: readonly Version<unknown>[], options: DrawingOptions = {}): string {
  requireOptions(options, KNOWN, "a drawing");
  const { known: unit = "time", marks = [], title = TITLE, label = textOf } = options;
  if (!Array.isArray(versions)) throw invalid("drawVersions takes the list that versions gives");
  if (!Array.isArray(marks)) throw invalid("marks is a list of points");
  if (unit !== "time" && unit !== "tx") throw invalid('known is "time" or "tx"');
  if (typeof label !== "function") throw invalid("label is a function from a value to its text");
  const width = pixels(options.width ?? 720, "width", 320);
  const height = pixels(options.height ?? 400, "height", 150);
  const points = marks.map((mark) => markOf(mark, unit));
  const span: KnownSpan = unit === "tx" ? (one) => [one.txFrom, one.txTo] : (one) => [one.knownFrom, one.knownTo];
  const y = new Axis(unit, height - TOP - BOTTOM, versions.flatMap(span), present(points.map(({ y }) => y)));
  const left = Math.max(LEFT, 16 + DIGIT * longest(y.ticks(LINE)));
  const x = new Axis("time", width - left - RIGHT, versions.flatMap(validEnds), present(points.map(({ x }) => x)));
  const texts = versions.map(({ value }) => String(label(value)));
  const colours = coloursOf(texts);
  const plane = new Plane(x, y, left, width, height);
  const body = [
    plane.frame(unit),
    ...versions.map((version, i) => plane.slice(version, span(version), texts[i], colours.get(texts[i]) ?? 0)),
    ...points.map((point) => plane.mark(point)),
  ];
  if (versions.length === 0) body.push(`<text class="llmdb-ink" x="${left + 12}" y="${TOP + 24}">no slices</text>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 ${width} ${height}" width="${width}" ` +
      `height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title>`,
    STYLE,
    `<rect class="llmdb-paper" width="${width}" height="${height}"/>`,
    `<text class="llmdb-ink" x="8" y="24" font-size="14">${escapeXml(cut(title, width * 0.85))}</text>`,
    ...body,
    "</svg>\n",
  ].join("\n");
}

function validEnds({ validFrom, validTo }: Version<unknown>): [number, number] {
  return [validFrom, validTo];
}

/** A mark in the units of the axes; what is not given is a line. */
interface Mark {
  readonly x: number | undefined;
  readonly y: number | undefined;
}

function markOf(mark: At, unit: AxisUnit): Mark {
  requireOptions(mark, ["validAt", unit === "tx" ? "tx" : "knownAt"], `a mark, where known is "${unit}",`);
  const { validAt, knownAt, tx } = mark;
  const x = validAt === undefined ? undefined : finite(toMilliseconds(parseInstant(validAt, "validAt")), "validAt");
  if (unit === "tx") return { x, y: tx === undefined ? undefined : finite(tx, "tx") + 0.5 };
  return {
    x,
    y: knownAt === undefined ? undefined : finite(toMilliseconds(parseInstant(knownAt, "knownAt")), "knownAt"),
  };
}

/** Characters of the longest label. */
function longest(ticks: readonly Tick[]): number {
  return Math.max(0, ...ticks.map(({ label }) => label.length));
}

function present(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}

/** Draws in the plane of two axes. */
class Plane {
  readonly #x: Axis;
  readonly #y: Axis;
  readonly #left: number;
  readonly #right: number;
  readonly #bottom: number;

  constructor(x: Axis, y: Axis, left: number, width: number, height: number) {
    this.#x = x;
    this.#y = y;
    this.#left = left;
    this.#right = width - RIGHT;
    this.#bottom = height - BOTTOM;
  }

  /** The axes with their ticks. */
  frame(unit: AxisUnit): string {
    const bottom = this.#bottom;
    const known = unit === "tx" ? "transactions" : "transaction time";
    const parts = [
      `<path class="llmdb-line" d="M${this.#left} ${TOP}V${bottom}H${this.#right}"/>`,
      text(this.#right, bottom + 40, "valid time", "end"),
      text(8, TOP - 12, known, "start"),
    ];
    for (const { at, label } of this.#validTicks()) {
      const x = round(this.#left + at);
      // Whole, also at the right end.
      const middle = Math.min(x, round(this.#right + RIGHT - (label.length * DIGIT) / 2));
      parts.push(`<path class="llmdb-line" d="M${x} ${bottom}v5"/>`, text(middle, bottom + 20, label, "middle"));
    }
    for (const { at, label } of this.#y.ticks(LINE)) {
      const y = round(bottom - at);
      parts.push(
        `<path class="llmdb-line" d="M${this.#left} ${y}h-5"/>`,
        text(this.#left - 9, round(y + 4), label, "end"),
      );
    }
    return parts.join("\n");
  }

  #validTicks(): Tick[] {
    const ticks = this.#x.ticks(TICK_ROOM_X);
    const room = DIGIT * (longest(ticks) + 2);
    return room <= TICK_ROOM_X ? ticks : this.#x.ticks(room);
  }

  /** The rectangle of a slice, with its value and all of its bounds as a tooltip. */
  slice(version: Version<unknown>, [from, to]: readonly [number, number], label: string, colour: number): string {
    const { validFrom, validTo } = version;
    const box = {
      left: round(this.#left + this.#x.place(validFrom)),
      right: round(this.#left + this.#x.place(validTo)),
      top: round(this.#bottom - this.#y.place(to)),
      bottom: round(this.#bottom - this.#y.place(from)),
    };
    const size = `width="${round(box.right - box.left)}" height="${round(box.bottom - box.top)}"`;
    return [
      `<g><title>${escapeXml(describe(version, label))}</title>`,
      `<rect class="llmdb-slice llmdb-${colour}" x="${box.left}" y="${box.top}" ${size}/>`,
      ...arrows(box, validFrom === -Infinity, validTo === Infinity, to === Infinity),
      ...labelIn(box, label),
      "</g>",
    ].join("");
  }

  mark({ x, y }: Mark): string {
    const parts: string[] = [];
    const left = x === undefined ? 0 : round(this.#left + this.#x.place(x));
    const top = y === undefined ? 0 : round(this.#bottom - this.#y.place(y));
    if (x !== undefined) parts.push(`<path class="llmdb-mark" d="M${left} ${TOP}V${this.#bottom}"/>`);
    if (y !== undefined) parts.push(`<path class="llmdb-mark" d="M${this.#left} ${top}H${this.#right}"/>`);
    if (x !== undefined && y !== undefined) parts.push(`<circle class="llmdb-point" cx="${left}" cy="${top}" r="5"/>`);
    return parts.join("\n");
  }
}

/** Arrows out of the middle of the sides that are open. */
function arrows({ left, right, top, bottom }: Box, toLeft: boolean, toRight: boolean, toTop: boolean): string[] {
  const x = round((left + right) / 2);
  const y = round((top + bottom) / 2);
  const arrow = (path: string): string => `<path class="llmdb-arrow" d="${path}z"/>`;
  const drawn: string[] = [];
  if (toLeft) drawn.push(arrow(`M${left} ${round(y - ARROW)}l-${ARROW} ${ARROW}l${ARROW} ${ARROW}`));
  if (toRight) drawn.push(arrow(`M${right} ${round(y - ARROW)}l${ARROW} ${ARROW}l-${ARROW} ${ARROW}`));
  if (toTop) drawn.push(arrow(`M${round(x - ARROW)} ${top}l${ARROW} -${ARROW}l${ARROW} ${ARROW}`));
  return drawn;
}

function labelIn({ left, right, top, bottom }: Box, label: string): string[] {
  const short = cut(label, right - left - 8);
  if (short === "" || bottom - top < LINE) return [];
  return [text(round((left + right) / 2), round((top + bottom) / 2 + 4), short, "middle")];
}

function text(x: number, y: number, content: string, anchor: "start" | "middle" | "end"): string {
  return `<text class="llmdb-ink" x="${x}" y="${y}" text-anchor="${anchor}">${escapeXml(content)}</text>`;
}

function describe({ validFrom, validTo, txFrom, txTo, knownFrom, knownTo }: Version<unknown>, label: string): string {
  const valid = `valid ${timeText(validFrom)} to ${timeText(validTo)}`;
  const known = `known ${timeText(knownFrom)} to ${knownTo === Infinity ? "now" : timeText(knownTo)}`;
  return `${cut(label, 1000)}: ${valid}, ${known}, transactions ${txFrom} to ${txTo === Infinity ? "now" : txTo}`;
}

/** A text that is at most this many pixels wide; nothing where less than two characters have room. */
function cut(label: string, room: number): string {
  const characters = [...label];
  let used = 0;
  let end = 0;
  for (; end < characters.length; end++) {
    const wide = characters[end] > "\u10ff" && !/[\u2010-\u2027]/.test(characters[end]) ? 2 : 1;
    if (used + wide * CHARACTER > room) break;
    used += wide * CHARACTER;
  }
  if (end === characters.length) return label;
  return end < 2 ? "" : `${characters.slice(0, end - 1).join("")}…`;
}

function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  const plain = (_name: string, part: unknown): unknown => (typeof part === "bigint" ? String(part) : part);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  try {
    return JSON.stringify(value, plain) ?? String(value);
  } catch {
    throw invalid("the value of a version is one that the store can hold: not inside itself, at most 500 levels deep");
  }
}

/** A colour for each text: by its hash, so that it is the same in another drawing, or else the next that is free. */
function coloursOf(texts: readonly string[]): Map<string, number> {
  const colours = new Map<string, number>();
  const taken = new Set<number>();
  for (const one of texts) {
    if (colours.has(one)) continue;
    let colour = hashOf(one) % HUES.length;
    while (taken.has(colour) && taken.size < HUES.length) colour = (colour + 1) % HUES.length;
    taken.add(colour);
    colours.set(one, colour);
  }
  return colours;
}

/** FNV-1a over UTF-16 units. */
function hashOf(content: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < content.length; i++) hash = Math.imul(hash ^ content.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** What XML does not allow at all becomes U+FFFD. */
function escapeXml(content: string): string {
  return content
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD")
    .replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

function pixels(value: number, what: string, least: number): number {
  if (typeof value === "number" && value >= least && value <= 10_000) return Math.round(value);
  throw invalid(`${what} is a number of pixels from ${least} to 10000`);
}

function finite(value: number, what: string): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw invalid(`${what} of a mark is a point, not an open end`);
}

/** To a tenth of a pixel. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}

const STYLE = `<style>
.llmdb-paper{fill:#fff}.llmdb-ink{fill:#222}.llmdb-line,.llmdb-slice{fill:none;stroke:#555}.llmdb-arrow{fill:#555}
.llmdb-mark{fill:none;stroke:#b00020;stroke-dasharray:5 4}.llmdb-point{fill:#b00020}
${HUES.map((hue, i) => `.llmdb-${i}{fill:hsl(${hue},65%,82%)}`).join("")}
@media (prefers-color-scheme:dark){
.llmdb-paper{fill:#16181c}.llmdb-ink{fill:#eee}.llmdb-line,.llmdb-slice{stroke:#aaa}.llmdb-arrow{fill:#aaa}
.llmdb-mark{stroke:#ff8a8a}.llmdb-point{fill:#ff8a8a}
${HUES.map((hue, i) => `.llmdb-${i}{fill:hsl(${hue},40%,28%)}`).join("")}
}
</style>`;
