/**
 * A reader of the ledger: opens snapshots, holds some of them while the writer goes on, and checks them again and
 * again. Guarantees: a snapshot must show the same step for as long as it lives, and a newer one never an older step;
 * whatever does not hold, and whatever a read throws, is told as an anomaly.
 */
import { setImmediate } from "node:timers/promises";
import { type Database, open, type Snapshot } from "../../../index.js";
import type { Random } from "../random.js";
import { messageOf } from "./job.js";
import { checkLedger } from "./ledger.js";

const MAX_HELD = 6;
const CHECKS_PER_TURN = 8;
const TELL_MS = 100;

/** Where snapshots come from. */
export interface SnapshotSource {
  snapshot(): Snapshot;
  /** Moves on to a newer state, where there is one. False where that has cost the open snapshots. */
  advance(): Promise<boolean>;
  /** Begins again after an error. */
  restart(): void;
}

/** How many checks were made since the last time, and what did not hold. */
export interface CheckCount {
  checks: number;
  anomalies: string[];
}

/** Reads through the handle that also writes. */
export function ownSource(db: Database): SnapshotSource {
  return { snapshot: () => db.snapshot(), advance: async () => true, restart: () => {} };
}

/** Reads through a read-only handle of its own, as another process or thread does. */
export function handleSource(path: string): SnapshotSource {
  let db = open(path, { readOnly: true });
  const restart = (): void => {
    db.closeSync();
    db = open(path, { readOnly: true });
  };
  const advance = async (): Promise<boolean> => {
    if (refreshes(db)) {
      await db.refresh();
      return true;
    }
    restart();
    return false;
  };
  return { snapshot: () => db.snapshot(), advance, restart };
}

/** A read-only handle that can move on. Without it, a reader has to open the database again. */
export function refreshes(db: object): db is { refresh(): unknown } {
  return "refresh" in db && typeof db.refresh === "function";
}

/** Reads until `goesOn` says no. */
export async function readLedger(
  source: SnapshotSource,
  seed: number,
  random: Random,
  goesOn: () => boolean,
  tellChecks: (count: CheckCount) => void,
): Promise<void> {
  const reader = new LedgerReader(source, seed, random);
  let toldMs = performance.now();
  while (goesOn()) {
    await reader.turn();
    if (performance.now() - toldMs > TELL_MS) {
      toldMs = performance.now();
      tellChecks(reader.take());
    }
    await setImmediate();
  }
  tellChecks(reader.take());
  reader.close();
}

class LedgerReader {
  readonly #source: SnapshotSource;
  readonly #seed: number;
  readonly #random: Random;
  #held: { snapshot: Snapshot; step: number }[] = [];
  #newestStep = 0;
  #count: CheckCount = { checks: 0, anomalies: [] };

  constructor(source: SnapshotSource, seed: number, random: Random) {
    this.#source = source;
    this.#seed = seed;
    this.#random = random;
  }

  /** Some checks, of new snapshots and of held ones. */
  async turn(): Promise<void> {
    try {
      if (!(await this.#source.advance())) this.#held = [];
      this.#openOne();
      for (let i = 1; i < CHECKS_PER_TURN; i++) this.#checkOne();
      if (this.#held.length > MAX_HELD) this.#closeOne();
    } catch (error) {
      this.#count.anomalies.push(messageOf(error));
      this.close();
      this.#source.restart();
    }
  }

  /** What was counted since the last time. */
  take(): CheckCount {
    const count = this.#count;
    this.#count = { checks: 0, anomalies: [] };
    return count;
  }

  close(): void {
    for (const { snapshot } of this.#held.splice(0)) snapshot.close();
  }

  #openOne(): void {
    const held = { snapshot: this.#source.snapshot(), step: 0 };
    this.#held.push(held);
    held.step = this.#check(held.snapshot);
    if (held.step >= this.#newestStep) this.#newestStep = held.step;
    else throw new Error(`a new snapshot shows step ${held.step}, after step ${this.#newestStep}`);
  }

  #checkOne(): void {
    const { snapshot, step } = this.#random.pick(this.#held);
    const now = this.#check(snapshot);
    if (now !== step) throw new Error(`a held snapshot shows step ${now}, and showed step ${step} before`);
  }

  #check(snapshot: Snapshot): number {
    this.#count.checks++;
    return checkLedger(snapshot, this.#seed, this.#random);
  }

  #closeOne(): void {
    const [{ snapshot }] = this.#held.splice(this.#random.below(this.#held.length), 1);
    snapshot.close();
  }
}
