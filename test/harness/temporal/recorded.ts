/**
 * What a database was told, transaction by transaction, so that the oracle of any prefix can be made again: a crash
 * may take the last transactions. Guarantees: the oracle of a prefix never saw what came behind it.
 */
import type { CompareKeys } from "../model.js";
import { runOnOracle } from "./driver.js";
import type { PlannedTransaction } from "./history.js";
import { BitemporalOracle } from "./oracle.js";

export class RecordedHistory {
  readonly #compare: CompareKeys;
  /** Transactions that got a number, in order: the first has number 1. */
  readonly #plans: PlannedTransaction[];

  constructor(compare: CompareKeys, plans: readonly PlannedTransaction[] = []) {
    this.#compare = compare;
    this.#plans = [...plans];
  }

  get lastTx(): number {
    return this.#plans.length;
  }

  /** Notes a transaction; `tx` is undefined where it got no number, and left nothing. */
  add(plan: PlannedTransaction, tx: number | undefined): void {
    if (tx === undefined) return;
    if (tx !== this.#plans.length + 1) throw new RangeError(`transaction ${tx} comes behind ${this.#plans.length}`);
    this.#plans.push(plan);
  }

  /** What is left when only the first `tx` transactions are there. */
  prefix(tx: number): RecordedHistory {
    return new RecordedHistory(this.#compare, this.#plans.slice(0, tx));
  }

  /** An oracle that was told all of it. */
  oracle(): BitemporalOracle {
    const oracle = new BitemporalOracle(this.#compare);
    for (const plan of this.#plans) runOnOracle(oracle, plan);
    return oracle;
  }
}
