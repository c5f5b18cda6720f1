/**
 * Random histories of a bitemporal store, as plain data. Guarantees: the same seed gives the same history on every
 * machine; every operation is a legal one when it is made in order, also where a store gives no number to a transaction
 * that changed nothing; periods often begin and end where others did, which is where splitting goes wrong.
 */
import type { Key } from "../../../engine/key.js";
import { MINUS_INFINITY, PLUS_INFINITY, parseInstant } from "../../../temporal/instant.js";
import { Random } from "../random.js";

/** Bounds in microseconds; left out, they are now and the open end. */
export interface PlannedValid {
  readonly validFrom?: bigint;
  readonly validTo?: bigint;
}

/** What an update does to a value, see {@link changeOf}. */
export type ChangeName = "increment" | "reset" | "copy" | "identity";

interface Place {
  readonly partition: number;
  readonly key: Key;
}

/** One write. */
export type PlannedWrite = Place &
  (
    | { readonly kind: "put"; readonly value: object; readonly valid: PlannedValid }
    | { readonly kind: "delete"; readonly valid: PlannedValid }
    | { readonly kind: "update"; readonly change: ChangeName; readonly valid: PlannedValid }
    | { readonly kind: "patch"; readonly part: object; readonly valid: PlannedValid }
    | { readonly kind: "erase" }
  );

/** What happens in a transaction. */
export type PlannedOperation =
  | PlannedWrite
  | { readonly kind: "nested"; readonly operations: readonly PlannedOperation[]; readonly rollsBack: boolean };

export interface PlannedTransaction {
  /** What the clock shows, in microseconds. */
  readonly clock: bigint;
  readonly operations: readonly PlannedOperation[];
  /** The whole transaction ends with an exception. */
  readonly rollsBack: boolean;
}

export interface HistoryOptions {
  readonly transactions: number;
  /** The first three are drawn most. */
  readonly keys?: readonly Key[];
  /** The first is drawn most. */
  readonly partitions?: readonly number[];
  /** How likely an operation is an erase. Default 0.015. */
  readonly erases?: number;
  /** How likely a value has 3,000 or 20,000 characters. Default 0.07. */
  readonly large?: number;
  /** What the clock shows before the first transaction. Default: 2020-06-01. */
  readonly clock?: bigint;
  /** The time of the transaction before the first, where a history goes on. Default: before all time. */
  readonly lastTime?: bigint;
}

const KEYS: readonly Key[] = [
  "a",
  ["a", 1],
  7,
  "apple",
  "b",
  ["a", 2],
  ["a", [1, "x"]],
  -1.5,
  2n ** 70n,
  Uint8Array.of(0, 1, 255),
];
const PARTITIONS = [0, 1, 7, 2 ** 32 - 1];
const ERASES = 0.015;
const LARGE = 0.07;
const MAX_NESTING = 2;

const MICROSECOND = 1n;
const SECOND = 1_000_000n;
const HOUR = 3600n * SECOND;
const DAY = 24n * HOUR;
const TEN_YEARS = 3653n * DAY;
const STEPS = [MICROSECOND, 1000n, SECOND, SECOND, HOUR, DAY, 30n * DAY];

const START = parseInstant("2020-06-01", "the start");
/** From here on the clock goes by seconds, so that times stay where milliseconds tell microseconds apart. */
const SLOW_FROM = parseInstant("2200-01-01", "the end");
const GRID = [2018, 2019, 2020, 2021, 2022, 2023, 2024, 2026, 2030]
  .flatMap((year) => [`${year}-01-01`, `${year}-07-01`])
  .map((day) => parseInstant(day, "the grid"));
/** Bounds that were drawn of late and that the next may coincide with. */
const RECENT = 6;

/** A history, transaction by transaction. */
export function* historyOf(seed: number, options: HistoryOptions): Generator<PlannedTransaction> {
  const plan = new HistoryPlan(seed, options);
  for (let i = 0; i < options.transactions; i++) yield plan.next();
}

const DEFAULTS = {
  keys: KEYS,
  partitions: PARTITIONS,
  erases: ERASES,
  large: LARGE,
  clock: START,
  lastTime: MINUS_INFINITY,
};

class HistoryPlan {
  readonly #random: Random;
  readonly #options: Required<HistoryOptions>;
  readonly #recent: bigint[] = [];
  #clock: bigint;
  #isAhead = false;
  /** The time of the last transaction if every one so far got a number: no store is later. */
  #lastTime: bigint;
  #now = START;

  constructor(seed: number, options: HistoryOptions) {
    this.#random = new Random(seed);
    this.#options = { ...DEFAULTS, ...options };
    this.#clock = this.#options.clock;
    this.#lastTime = this.#options.lastTime;
  }

  next(): PlannedTransaction {
    this.#moveClock();
    const clock = this.#clock;
    this.#now = greatest(clock, this.#lastTime + 1n);
    this.#remember(this.#now);
    const operations = this.#operations(1 + this.#random.below(5), 0);
    const rollsBack = this.#random.chance(0.03);
    if (!rollsBack) this.#lastTime = this.#now;
    return { clock, operations, rollsBack };
  }

  #moveClock(): void {
    const draw = this.#random.below(100);
    if (draw < 10) return;
    if (draw < 15) this.#clock -= HOUR;
    else if (draw < 17) {
      this.#clock += this.#isAhead ? -TEN_YEARS : TEN_YEARS;
      this.#isAhead = !this.#isAhead;
    } else {
      const step = this.#clock > SLOW_FROM ? SECOND : this.#random.pick(STEPS);
      this.#clock += step * BigInt(1 + this.#random.below(3));
    }
  }

  #operations(count: number, depth: number): PlannedOperation[] {
    return Array.from({ length: count }, () => {
      if (depth === MAX_NESTING || !this.#random.chance(0.07)) return this.#write();
      const operations = this.#operations(1 + this.#random.below(3), depth + 1);
      return { kind: "nested", operations, rollsBack: this.#random.chance(0.6) };
    });
  }

  #write(): PlannedWrite {
    const random = this.#random;
    const place = this.#place();
    if (random.chance(this.#options.erases)) return { ...place, kind: "erase" };
    const draw = random.below(100);
    if (draw < 42) return { ...place, kind: "put", value: this.#value(), valid: this.#valid() };
    if (draw < 64) return { ...place, kind: "update", change: random.pick(CHANGE_NAMES), valid: this.#valid() };
    if (draw < 79) return { ...place, kind: "patch", part: this.#part(), valid: this.#valid() };
    const valid = random.chance(0.05) ? this.#emptyValid() : this.#valid();
    return { ...place, kind: "delete", valid };
  }

  #place(): Place {
    const { keys, partitions } = this.#options;
    const partition = this.#random.chance(0.6) ? partitions[0] : this.#random.pick(partitions);
    const key = this.#random.chance(0.7) ? keys[this.#random.below(Math.min(3, keys.length))] : this.#random.pick(keys);
    return { partition, key };
  }

  #value(): object {
    const random = this.#random;
    const value = { n: random.below(4), who: random.pick(["ann", "bob", "eve"]) };
    if (!random.chance(this.#options.large)) return value;
    return { ...value, text: this.#text(random.chance(0.7) ? 3000 : 20_000) };
  }

  #part(): object {
    const random = this.#random;
    const parts = [{ n: random.below(4) }, { who: random.pick(["ann", "bob"]) }, { mood: random.pick(["up", "down"]) }];
    return random.pick(parts);
  }

  #text(length: number): string {
    const word = `${this.#random.next().toString(36)} ${this.#random.next().toString(36)} é€ `;
    return word.repeat(Math.ceil(length / word.length)).slice(0, length);
  }

  #valid(): PlannedValid {
    const from = this.#random.chance(0.3) ? undefined : this.#bound(MINUS_INFINITY);
    const to = this.#random.chance(0.35) ? undefined : this.#bound(PLUS_INFINITY);
    return this.#ordered(from, to);
  }

  /** Makes a period that is neither empty nor reversed, also if now is earlier than it would be by this plan. */
  #ordered(from: bigint | undefined, to: bigint | undefined): PlannedValid {
    if (to === undefined) return from === undefined ? {} : { validFrom: from };
    if (from === undefined) return to > this.#now ? { validTo: to } : { validFrom: to };
    if (from === to) return { validFrom: from };
    return from < to ? { validFrom: from, validTo: to } : { validFrom: to, validTo: from };
  }

  #emptyValid(): PlannedValid {
    const time = this.#random.pick(GRID);
    return { validFrom: time, validTo: time };
  }

  #bound(open: bigint): bigint {
    const draw = this.#random.below(100);
    if (draw < 8) return open;
    const bound = draw < 40 ? this.#random.pick(this.#recent) : this.#random.pick(GRID);
    this.#remember(bound);
    return bound;
  }

  #remember(bound: bigint): void {
    this.#recent.push(bound);
    if (this.#recent.length > RECENT) this.#recent.shift();
  }
}

const CHANGES: Readonly<Record<ChangeName, (value: unknown) => unknown>> = {
  increment: (value) => ({ ...objectOf(value), n: numberOf(value) + 1 }),
  reset: (value) => ({ ...objectOf(value), n: 0 }),
  copy: (value) => ({ ...objectOf(value) }),
  identity: (value) => value,
};
const CHANGE_NAMES: readonly ChangeName[] = ["increment", "increment", "increment", "reset", "copy", "identity"];

/** The function that a name stands for. */
export function changeOf(name: ChangeName): (value: unknown) => unknown {
  return CHANGES[name];
}

function objectOf(value: unknown): object {
  if (typeof value === "object" && value !== null) return value;
  throw new TypeError("a history holds objects only");
}

function numberOf(value: unknown): number {
  const object = objectOf(value);
  return "n" in object && typeof object.n === "number" ? object.n : 0;
}

function greatest(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
