/**
 * What the committers of a killed process write. Guarantees: step *n* of a committer is the same in every process, so
 * that whoever opens the database afterwards can say from the counters alone what must be in it.
 *
 * Each committer has its own slots and its own counter. A step changes some slots, sets the counter to its number and
 * adds one to the total of all committers, in one transaction. So a transaction that is there in part, twice, or out
 * of order shows: in a slot, or in a total that is not the sum of the counters.
 */
import { Random } from "../random.js";

/** The maps of the workload. */
export const COUNTERS = "counters";
export const SLOTS = "slots";
/** The key of the total, among the counters. */
export const TOTAL = "total";

const SLOTS_EACH = 48;
const MAX_SMALL_BYTES = 300;
const MAX_LARGE_BYTES = 20_000;

/** Which sequence of steps a database gets. */
export interface Workload {
  readonly seed: number;
  readonly committers: number;
}

/** One change of a step: the value of a slot, or the slots from `slot` up to `end` taken out. */
export type Change =
  | { readonly kind: "put"; readonly slot: number; readonly bytes: number }
  | { readonly kind: "delete"; readonly slot: number }
  | { readonly kind: "clear"; readonly slot: number; readonly end: number };

/** One transaction of a committer. */
export interface Step {
  readonly workload: Workload;
  readonly committer: number;
  /** Its number; the first one is 1. */
  readonly index: number;
  readonly durability: "durable" | "buffered";
  /** Committed with the blocking call. */
  readonly blocking: boolean;
  /** Has a nested transaction that is rolled back. */
  readonly rollsBack: boolean;
  readonly changes: readonly Change[];
}

/** Step `index` of a committer. */
export function stepOf(workload: Workload, committer: number, index: number): Step {
  const random = randomAt(workload, committer, index, 0);
  const durability = random.chance(1 / 8) ? "buffered" : "durable";
  const blocking = random.chance(1 / 8);
  const rollsBack = random.chance(1 / 16);
  const changes = Array.from({ length: 1 + random.below(5) }, () => changeFrom(random));
  return { workload, committer, index, durability, blocking, rollsBack, changes };
}

function changeFrom(random: Random): Change {
  const slot = random.below(SLOTS_EACH);
  const choice = random.below(100);
  if (choice < 4) return { kind: "clear", slot, end: slot + 1 + random.below(8) };
  if (choice < 16) return { kind: "delete", slot };
  return { kind: "put", slot, bytes: random.below(choice < 20 ? MAX_LARGE_BYTES : MAX_SMALL_BYTES) };
}

/** What a step puts into a slot. */
export function slotValue(step: Step, slot: number, bytes: number): Uint8Array {
  return randomAt(step.workload, step.committer, step.index, 1 + slot).fill(new Uint8Array(bytes));
}

/** The first step from `index` on whose commit is durable: up to there a committer may get without being heard of. */
export function nextDurable(workload: Workload, committer: number, index: number): number {
  let next = index;
  while (stepOf(workload, committer, next).durability !== "durable") next++;
  return next;
}

/** The slots of a committer after its first `count` steps, in the order of their numbers. */
export function slotsAfter(workload: Workload, committer: number, count: number): Map<number, Uint8Array> {
  const last = new Map<number, { step: Step; bytes: number }>();
  for (let index = 1; index <= count; index++) {
    const step = stepOf(workload, committer, index);
    for (const change of step.changes) {
      if (change.kind === "put") last.set(change.slot, { step, bytes: change.bytes });
      else if (change.kind === "delete") last.delete(change.slot);
      else for (let slot = change.slot; slot < change.end; slot++) last.delete(slot);
    }
  }
  const slots = [...last].sort(([a], [b]) => a - b);
  return new Map(slots.map(([slot, { step, bytes }]) => [slot, slotValue(step, slot, bytes)]));
}

/** Numbers that depend on the place and on nothing else. */
function randomAt(workload: Workload, committer: number, index: number, part: number): Random {
  const place = Math.imul(committer + 1, 0x9e3779b1) ^ Math.imul(index, 0x85ebca77) ^ Math.imul(part, 0xc2b2ae3d);
  return new Random(workload.seed ^ place);
}
