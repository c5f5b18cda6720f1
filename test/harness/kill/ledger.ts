/**
 * What the writer of the reader torture writes, and what must hold in each single snapshot. Guarantees: what step *n*
 * writes depends on the seed and on *n* alone, so that a snapshot that shows step *n* says exactly what else it must
 * show: not a byte of a later step, and none missing of an earlier one.
 */
import type { MapReads, Transaction } from "../../../index.js";
import { Random } from "../random.js";

const CLOCK = "clock";
const ACCOUNTS = "accounts";
const PAIRS = ["left", "right"] as const;
const QUEUE = "queue";

const ACCOUNT_COUNT = 64;
const START_BALANCE = 1000;
const PAIR_COUNT = 400;
const PAIRS_PER_CHECK = 6;
const QUEUE_LENGTH = 150;
/** Every so many pairs, a value that is stored outside of the tree. */
const LARGE_EACH = 16;
const LARGE_BYTES = 9000;
const SMALL_BYTES = 250;

/** Whatever maps can be read from: here, a snapshot. */
export interface LedgerSource {
  map<K extends number | string, V>(name: string): MapReads<K, V>;
}

/** The accounts, before the first step. */
export function startLedger(tx: Transaction): void {
  const accounts = tx.map<number, number>(ACCOUNTS);
  for (let account = 0; account < ACCOUNT_COUNT; account++) accounts.put(account, START_BALANCE);
  tx.map<string, number>(CLOCK).put("step", 0);
}

/** Writes the step that comes next, and returns its number. */
export function writeStep(tx: Transaction, seed: number): number {
  const clock = tx.map<string, number>(CLOCK);
  const step = (clock.get("step") ?? 0) + 1;
  clock.put("step", step);
  transfer(tx, new Random(seed ^ step));
  for (const name of PAIRS) tx.map<number, Uint8Array>(name).put(step % PAIR_COUNT, pairValue(seed, step));
  const queue = tx.map<number, number>(QUEUE);
  queue.put(step, -step);
  queue.delete(step - QUEUE_LENGTH);
  return step;
}

function transfer(tx: Transaction, random: Random): void {
  const accounts = tx.map<number, number>(ACCOUNTS);
  const amount = random.below(100);
  const from = random.below(ACCOUNT_COUNT);
  const to = random.below(ACCOUNT_COUNT);
  accounts.put(from, (accounts.get(from) ?? 0) - amount);
  accounts.put(to, (accounts.get(to) ?? 0) + amount);
}

function pairValue(seed: number, step: number): Uint8Array {
  const bytes = step % LARGE_EACH === 0 ? LARGE_BYTES : SMALL_BYTES;
  return new Random(Math.imul(seed, 31) ^ step).fill(new Uint8Array(bytes));
}

/**
 * Checks everything that must hold in a snapshot; of the pairs a few, drawn anew each time.
 *
 * @returns the step that it shows
 * @throws Error where something does not hold, and what the reads throw
 */
export function checkLedger(source: LedgerSource, seed: number, random: Random): number {
  const step = source.map<string, number>(CLOCK).get("step");
  if (step === undefined) throw new Error("the clock has no step");
  checkAccounts(source, step);
  checkQueue(source, step);
  for (let i = 0; i < PAIRS_PER_CHECK; i++) checkPair(source, seed, step, random.below(PAIR_COUNT));
  return step;
}

function checkAccounts(source: LedgerSource, step: number): void {
  let sum = 0;
  let accounts = 0;
  for (const balance of source.map<number, number>(ACCOUNTS).values()) {
    sum += balance;
    accounts++;
  }
  if (accounts === ACCOUNT_COUNT && sum === ACCOUNT_COUNT * START_BALANCE) return;
  throw new Error(`step ${step}: ${accounts} accounts hold ${sum} together`);
}

function checkQueue(source: LedgerSource, step: number): void {
  const queue = source.map<number, number>(QUEUE);
  const length = queue.count();
  const [first] = queue.keys({ limit: 1 });
  const [last] = queue.keys({ limit: 1, reverse: true });
  const expectedFirst = step === 0 ? undefined : Math.max(1, step - QUEUE_LENGTH + 1);
  const expectedLast = step === 0 ? undefined : step;
  if (length === Math.min(step, QUEUE_LENGTH) && first === expectedFirst && last === expectedLast) return;
  throw new Error(`step ${step}: the queue has ${length} entries from ${first} to ${last}`);
}

/** Both maps hold the newest value that was put there up to this step. */
function checkPair(source: LedgerSource, seed: number, step: number, key: number): void {
  const writer = step - ((step - key + PAIR_COUNT) % PAIR_COUNT);
  for (const name of PAIRS) {
    const bytes = source.map<number, Uint8Array>(name).get(key);
    if (writer <= 0 ? bytes === undefined : bytes !== undefined && same(bytes, pairValue(seed, writer))) continue;
    throw new Error(`step ${step}: key ${key} in "${name}" has not what step ${writer} wrote`);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
