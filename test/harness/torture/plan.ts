/**
 * What a torture run does to a database, as plain data drawn from a seed. Guarantees: every step makes sense in every
 * state, and the same generator gives the same plan.
 */
import type { Durability } from "../../../engine/durability.js";
import type { Random } from "../random.js";

/** A change of a map. `seed` makes the value. */
export type TortureChange =
  | { readonly kind: "put"; readonly map: string; readonly key: string; readonly size: number; readonly seed: number }
  | { readonly kind: "delete"; readonly map: string; readonly key: string }
  | { readonly kind: "clear"; readonly map: string; readonly from: string; readonly to: string };

/** One transaction. */
export interface TransactionPlan {
  readonly blocking: boolean;
  readonly durability: Durability;
  /** Parts, each in a savepoint of its own but the first; a part that `fails` is rolled back. */
  readonly parts: readonly { readonly changes: readonly TortureChange[]; readonly fails: boolean }[];
  /** Throws at the end, so that all of it is rolled back. */
  readonly fails: boolean;
  /** Opens a snapshot before it ends: of the state before it. */
  readonly looks?: boolean;
}

export type TortureStep =
  /** Begins transactions, one right after the other; promises are not waited for. */
  | { readonly kind: "commit"; readonly transactions: readonly TransactionPlan[] }
  /** One write through the map itself, which is a transaction of its own. */
  | { readonly kind: "write"; readonly change: TortureChange; readonly blocking: boolean }
  | { readonly kind: "drop"; readonly map: string }
  /** Begins a checkpoint; with `waits` its end is waited for. */
  | { readonly kind: "checkpoint"; readonly waits: boolean }
  | { readonly kind: "backup"; readonly compact: boolean; readonly keeps: boolean }
  | { readonly kind: "compact" | "await" | "snapshot" | "verify" }
  | { readonly kind: "release"; readonly which: number }
  /** Lets promises go on for so many turns of the event loop. */
  | { readonly kind: "turns"; readonly count: number }
  /** Moves the clock of the disk, also backwards. */
  | { readonly kind: "clock"; readonly milliseconds: number }
  /** Lets timers run. */
  | { readonly kind: "wait"; readonly milliseconds: number }
  | { readonly kind: "reopen"; readonly blocking: boolean; readonly checkpointBytes: number }
  /** The power fails, or only the process dies; the run goes on with what is left. */
  | { readonly kind: "crash"; readonly seed: number; readonly power: boolean };

export interface TorturePlan {
  readonly checkpointBytes: number;
  readonly cacheBytes: number;
  /** The most turns of the event loop that an asynchronous sync takes. */
  readonly syncTurns: number;
  readonly steps: readonly TortureStep[];
}

const MAPS = ["a", "b", "c"];
const KEYS = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7"];
const SMALL_SIZES = [0, 1, 8, 40, 300];
/** Above about 1000 bytes a value lies on extents. */
const LARGE_SIZES = [900, 1200, 3000, 5000, 9000];
const CHECKPOINT_BYTES = [0, 600, 2048, 4096, 16384, 65536];
/** Many pages, so that not all of them fit into the smallest cache. */
const WIDE_KEYS = Array.from({ length: 160 }, (_, index) => `wide${index}`);

/** Some long values, which soon fill a log so that it wraps. */
const BULKY_KEYS = KEYS.slice(0, 4);
const BULKY_BYTES = 9000;

/** Draws a plan of about so many steps. */
export function drawPlan(random: Random, steps: number): TorturePlan {
  const drawn = Array.from({ length: steps }, () => drawStep(random));
  if (random.chance(0.1)) for (let i = 0; i < 2; i++) insert(random, drawn, drawWide(random));
  if (random.chance(0.1)) insert(random, drawn, drawBulky(random));
  return {
    checkpointBytes: random.pick(CHECKPOINT_BYTES),
    cacheBytes: random.pick([0, 0, 300_000]),
    syncTurns: random.pick([0, 1, 3, 12]),
    steps: drawn,
  };
}

function drawStep(random: Random): TortureStep {
  const draw = random.below(100);
  if (draw < 34) return { kind: "commit", transactions: [drawTransaction(random, random.chance(0.6))] };
  if (draw < 48) return { kind: "commit", transactions: drawGroup(random) };
  if (draw < 56) return { kind: "write", change: drawChange(random), blocking: random.chance() };
  if (draw < 58) return { kind: "drop", map: random.pick(MAPS) };
  if (draw < 64) return { kind: "checkpoint", waits: random.chance() };
  if (draw < 66) return { kind: "compact" };
  if (draw < 68) return { kind: "backup", compact: random.chance(), keeps: random.chance() };
  if (draw < 72) return { kind: "snapshot" };
  if (draw < 75) return { kind: "release", which: random.below(4) };
  if (draw < 80) return { kind: "await" };
  if (draw < 86) return { kind: "turns", count: 1 + random.below(4) };
  if (draw < 88) return { kind: "verify" };
  if (draw < 90) return { kind: "wait", milliseconds: random.pick([10, 1000, 60_000]) };
  if (draw < 92) return { kind: "clock", milliseconds: random.pick([-1e9, -1, 0, 1, 5000, 1e9]) };
  if (draw < 96) {
    return { kind: "reopen", blocking: random.chance(), checkpointBytes: random.pick(CHECKPOINT_BYTES) };
  }
  return { kind: "crash", seed: random.next(), power: random.chance(0.7) };
}

function drawGroup(random: Random): TransactionPlan[] {
  return Array.from({ length: 2 + random.below(5) }, () => drawTransaction(random, random.chance(0.1)));
}

function drawTransaction(random: Random, blocking: boolean): TransactionPlan {
  const part = (fails: boolean) => ({
    changes: Array.from({ length: 1 + random.below(3) }, () => drawChange(random)),
    fails,
  });
  const parts = [part(false)];
  while (random.chance(0.2)) parts.push(part(random.chance(0.6)));
  const looks = random.chance(0.06);
  return {
    blocking,
    durability: random.chance(0.65) ? "durable" : "buffered",
    parts,
    fails: random.chance(0.06),
    looks,
  };
}

function drawChange(random: Random): TortureChange {
  const map = random.pick(MAPS);
  const draw = random.below(20);
  if (draw < 4) return { kind: "delete", map, key: random.pick(KEYS) };
  if (draw === 4) {
    const [from, to] = [random.pick(KEYS), random.pick(KEYS)].sort();
    return { kind: "clear", map, from, to };
  }
  const size = random.pick(random.chance(0.2) ? LARGE_SIZES : SMALL_SIZES);
  return { kind: "put", map, key: random.pick(KEYS), size, seed: random.next() };
}

function insert(random: Random, steps: TortureStep[], step: TortureStep): void {
  steps.splice(random.below(steps.length + 1), 0, step);
}

/** Too large for the log, and commits that come right after it. */
function drawWide(random: Random): TortureStep {
  const changes = WIDE_KEYS.map((key): TortureChange => {
    return { kind: "put", map: "wide", key, size: 850, seed: random.next() };
  });
  return { kind: "commit", transactions: [drawLarge(random, changes), ...drawGroup(random)] };
}

/** A burst, without a turn for a checkpoint in between. */
function drawBulky(random: Random): TortureStep {
  const transactions = Array.from({ length: 1 + random.below(3) }, () => {
    const changes = BULKY_KEYS.map((key): TortureChange => {
      return { kind: "put", map: "a", key, size: BULKY_BYTES, seed: random.next() };
    });
    return drawLarge(random, changes);
  });
  return { kind: "commit", transactions };
}

function drawLarge(random: Random, changes: readonly TortureChange[]): TransactionPlan {
  const durability = random.chance() ? "durable" : "buffered";
  return { blocking: random.chance(), durability, parts: [{ changes, fails: false }], fails: false };
}

/** The bytes of a put. */
export function valueBytes(size: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(size).fill(seed & 0xff);
  for (let i = 0; i < Math.min(size, 4); i++) bytes[i] = seed >>> (8 * i);
  for (let i = 64; i < size; i += 64) bytes[i] = i + (seed >>> 8);
  return bytes;
}
