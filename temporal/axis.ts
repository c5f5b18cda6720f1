/**
 * An axis of a drawing: what of time, or of transaction numbers, it shows, where a value is on it, and which values
 * are marked. Guarantees: pure; every finite value that it was made for lies inside; labels stand apart.
 */

/** How an axis counts: milliseconds since 1970, or numbers of transactions. */
export type AxisUnit = "time" | "tx";

/** A marked value, in pixels from the low end of the axis. */
export interface Tick {
  readonly at: number;
  readonly label: string;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTH = 30.44 * DAY;
const YEAR = 365.25 * DAY;
/** Beyond this a time is no date of JavaScript. */
const LAST_DATE = 8.64e15;
/** Steps of ticks below a month, in milliseconds. */
const SHORT_STEPS = [
  ...[0.001, 0.01, 0.1, 1, 10, 100, SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE],
  ...[HOUR, 3 * HOUR, 6 * HOUR, DAY, 2 * DAY, 7 * DAY, 14 * DAY],
];
/** From a month on, in months. */
const LONG_STEPS = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200, 6000, 12000, 120_000, 1_200_000];
/** Below this many milliseconds between the ends, labels have the time of day. */
const SHOWS_TIME_OF_DAY = 10 * DAY;
/** What an axis shows beyond the values at its ends, as a part of what is between them. */
const MARGIN = 0.04;
const OPEN_MARGIN = 0.16;

export class Axis {
  readonly unit: AxisUnit;
  readonly pixels: number;
  readonly low: number;
  readonly high: number;
  readonly #values: readonly number[];

  /**
   * @param ends the bounds of what is drawn; infinite ones are open ends
   * @param points that have to lie inside as well
   */
  constructor(unit: AxisUnit, pixels: number, ends: readonly number[], points: readonly number[]) {
    this.unit = unit;
    this.pixels = pixels;
    this.#values = [...new Set(ends.filter(Number.isFinite))].sort((a, b) => a - b);
    const inside = [...this.#values, ...points].sort((a, b) => a - b);
    const low = inside[0] ?? 0;
    const high = inside[inside.length - 1] ?? low;
    if (unit === "tx") {
      this.low = low;
      this.high = Math.max(high, low + 1) + (ends.includes(Number.POSITIVE_INFINITY) ? 1 : 0);
      return;
    }
    const span = high > low ? high - low : 2 * DAY;
    const isOpen = (end: number): boolean => ends.includes(end) || high === low;
    this.low = low - span * (isOpen(Number.NEGATIVE_INFINITY) ? OPEN_MARGIN : MARGIN);
    this.high = high + span * (isOpen(Number.POSITIVE_INFINITY) ? OPEN_MARGIN : MARGIN);
  }

  /** Where a value lies, in pixels from the low end; open ends are at the ends of the axis. */
  place(value: number): number {
    const part = (value - this.low) / (this.high - this.low);
    return Math.max(0, Math.min(1, part)) * this.pixels;
  }

  /** @param room pixels that a label takes along the axis */
  ticks(room: number): Tick[] {
    if (this.#values.length === 0) return [];
    if (this.unit === "tx") return this.#transactionTicks(room);
    const exact = this.#values.map((value) => this.#tick(value, this.high - this.low));
    const isClear = exact.every((tick, i) => {
      return i === 0 || (tick.at - exact[i - 1].at >= room && tick.label !== exact[i - 1].label);
    });
    return isClear ? exact : this.#regularTicks(room);
  }

  /** A transaction is a row: its label is in the middle of what was known until the next one. */
  #transactionTicks(room: number): Tick[] {
    const perRow = this.pixels / (this.high - this.low);
    const step = [1, 2, 5].flatMap((n) => Array.from({ length: 16 }, (_, e) => n * 10 ** e)).sort((a, b) => a - b);
    const by = step.find((rows) => rows * perRow >= room) ?? 10 ** 15;
    const ticks: Tick[] = [];
    for (let tx = Math.ceil(this.low / by) * by; tx < this.high; tx += by) {
      ticks.push({ at: this.place(tx + 0.5), label: `tx ${tx}` });
    }
    return ticks;
  }

  #regularTicks(room: number): Tick[] {
    const least = ((this.high - this.low) / this.pixels) * room;
    const short = SHORT_STEPS.find((step) => step >= least);
    const low = Math.max(this.low, -LAST_DATE);
    const high = Math.min(this.high, LAST_DATE);
    const values: number[] = [];
    if (short !== undefined) {
      const first = Math.ceil(low / short);
      for (let i = first; i * short <= high; i++) values.push(i * short);
    } else {
      const months = LONG_STEPS.find((step) => step * MONTH >= least) ?? 12_000_000;
      const first = Math.floor((low / YEAR) * (12 / months)) - 1;
      for (let i = first; monthStart(i * months) <= high; i++) values.push(monthStart(i * months));
    }
    return values.filter((value) => value >= low && value <= high).map((value) => this.#tick(value, short ?? MONTH));
  }

  /** @param precision milliseconds between neighbours, or between the ends where each is told alone */
  #tick(value: number, precision: number): Tick {
    const withTime = this.high - this.low < SHOWS_TIME_OF_DAY && precision !== MONTH;
    const label = timeText(value);
    return { at: this.place(value), label: withTime ? label : label.replace(/ .*/, "") };
  }
}

/** The start of a month, counted from January 1970; beyond dates an infinity. */
function monthStart(months: number): number {
  const time = Date.UTC(1970 + Math.floor(months / 12), ((months % 12) + 12) % 12);
  if (!Number.isNaN(time)) return time;
  return months < 0 ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** A time as text: `2021-04-20`, `2021-04-20 16:03:18`, with a fraction where it has one. */
export function timeText(milliseconds: number): string {
  if (milliseconds === Number.POSITIVE_INFINITY) return "the end of time";
  if (milliseconds === Number.NEGATIVE_INFINITY) return "the beginning of time";
  if (Math.abs(milliseconds) > LAST_DATE) return `${milliseconds} ms`;
  const micros = Math.round((milliseconds - Math.floor(milliseconds)) * 1000);
  const carried = Math.floor(milliseconds) + (micros === 1000 ? 1 : 0);
  const [date, rest = ""] = new Date(carried).toISOString().split("T");
  const fraction = `${rest.slice(9, 12)}${String(micros % 1000).padStart(3, "0")}`.replace(/0+$/, "");
  const time = `${rest.slice(0, 8)}${fraction && "."}${fraction}`;
  return time === "00:00:00" ? date : `${date} ${time}`;
}
