/**
 * A long look at answers: a random history with checkpoints, reopening, crashes and a clock that jumps, probed after
 * each transaction. Guarantees: the same seed asks the same; what was answered about the past is asked again at the
 * end, and has to be the same unless the key was erased.
 */
import { isDeepStrictEqual } from "node:util";
import type { Key } from "../../../engine/key.js";
import type { Database } from "../../../temporal/database.js";
import { open } from "../../../temporal/open.js";
import type { CompareKeys } from "../model.js";
import { Random } from "../random.js";
import { SimulatedDisk } from "../simulated-disk.js";
import { drawCrash } from "../torture/image-plan.js";
import { TemporalCheck } from "./check.js";
import { historyOf } from "./history.js";
import type { BitemporalOracle } from "./oracle.js";
import { RecordedHistory } from "./recorded.js";

export interface ProbeOptions {
  readonly transactions: number;
  /** After each transaction. */
  readonly probes: number;
}

/** How much was asked and done. */
export interface ProbeReport {
  readonly probes: number;
  /** Answers about the past that were asked a second time. */
  readonly repeated: number;
  readonly transactions: number;
  readonly checkpoints: number;
  readonly reopened: number;
  readonly crashes: number;
  readonly killed: number;
}

/** An answer about the past, and when it was given. */
interface GivenAnswer {
  readonly partition: number;
  readonly key: Key;
  readonly validAt: bigint;
  readonly tx: number;
  readonly value: unknown;
  readonly askedAt: number;
}

const PATH = "/db";
const MOST_ANSWERS = 400;
const CHECKPOINT_BYTES = 96 * 1024;

/** Runs the history of a seed. Rejects with what is different. */
export async function probeHistory(seed: number, compare: CompareKeys, options: ProbeOptions): Promise<ProbeReport> {
  return new ProbeRun(seed, compare, options).run();
}

class ProbeRun {
  readonly #seed: number;
  readonly #compare: CompareKeys;
  readonly #options: ProbeOptions;
  readonly #random: Random;
  readonly #durability: "durable" | "buffered";
  readonly #count = { checkpoints: 0, reopened: 0, crashes: 0, killed: 0, repeated: 0, probes: 0 };
  #disk: SimulatedDisk;
  #check: TemporalCheck;
  #history: RecordedHistory;
  #answers: GivenAnswer[] = [];
  #db: Database;

  constructor(seed: number, compare: CompareKeys, options: ProbeOptions) {
    this.#seed = seed;
    this.#compare = compare;
    this.#options = options;
    this.#random = new Random(seed + 991);
    this.#durability = this.#random.chance() ? "durable" : "buffered";
    this.#disk = new SimulatedDisk(seed);
    this.#check = new TemporalCheck(seed, compare);
    this.#history = new RecordedHistory(compare);
    this.#db = this.#open();
  }

  async run(): Promise<ProbeReport> {
    const { transactions, probes } = this.#options;
    for (const plan of historyOf(this.#seed, { transactions })) {
      this.#history.add(plan, this.#check.run(this.#db, plan));
      this.#check.probe(this.#db, probes);
      this.#noteAnswers();
      await this.#disturb();
    }
    this.#check.compareAll(this.#db);
    this.#repeat();
    const { problems } = this.#db.verify();
    if (problems.length > 0) throw new Error(`verify() says: ${JSON.stringify(problems[0])}`);
    this.#db.closeSync();
    return { ...this.#count, probes: this.#count.probes + this.#check.probes, transactions: this.#history.lastTx };
  }

  async #disturb(): Promise<void> {
    const draw = this.#random.below(100);
    if (draw >= 80) this.#writeToMap();
    else if (draw < 4) {
      await this.#db.checkpoint();
      this.#count.checkpoints++;
    } else if (draw < 7) {
      this.#db.closeSync();
      this.#db = this.#open();
      this.#count.reopened++;
    } else if (draw < 9) {
      this.#recover(this.#disk.crash(drawCrash(this.#random)));
      this.#count.crashes++;
    } else if (draw < 10) {
      this.#recover(this.#disk.fork());
      this.#count.killed++;
    }
  }

  /** A transaction that leaves no row in the transaction log. */
  #writeToMap(): void {
    const { tx } = this.#db.map("plain").putSync("a key", this.#random.next());
    const clock = BigInt(Math.round(this.#check.clockMs * 1000));
    this.#history.add({ clock, operations: [], rollsBack: false }, tx);
    this.#check.catchUp(this.#db);
  }

  /** Goes on with what a crash left. */
  #recover(disk: SimulatedDisk): void {
    const { durableTx, lastTx } = this.#db.stats();
    this.#disk = disk;
    this.#db = this.#open();
    const found = this.#db.stats().lastTx;
    if (found < durableTx || found > lastTx) {
      throw new Error(`after a crash the last transaction is ${found}; ${durableTx} was durable, ${lastTx} the last`);
    }
    this.#history = this.#history.prefix(found);
    this.#count.probes += this.#check.probes;
    const clockMs = this.#check.clockMs;
    this.#check = new TemporalCheck(this.#random.next(), this.#compare, this.#history.oracle());
    this.#check.clockMs = clockMs;
    this.#answers = this.#answers.filter(({ askedAt }) => askedAt <= found);
    this.#check.compareAll(this.#db);
  }

  #open(): Database {
    const clock = () => this.#check.clockMs;
    const checkpointBytes = CHECKPOINT_BYTES;
    return open(PATH, { storage: this.#disk, pageSize: 4096, clock, checkpointBytes, durability: this.#durability });
  }

  /** Keeps some of the answers that are given now. */
  #noteAnswers(): void {
    const { oracle } = this.#check;
    const partition = this.#random.pick([0, ...oracle.partitions()]);
    const keys = oracle.keys(partition);
    if (keys.length === 0) return;
    const key = this.#random.pick(keys);
    const tx = 1 + this.#random.below(oracle.lastTx);
    const validAt = oracle.timeOf(1 + this.#random.below(oracle.lastTx));
    const value = this.#db.partition(partition).get(key, { validAt, tx });
    const answer = { partition, key, validAt, tx, value, askedAt: oracle.lastTx };
    if (this.#answers.length < MOST_ANSWERS) this.#answers.push(answer);
    else this.#answers[this.#random.below(MOST_ANSWERS)] = answer;
  }

  #repeat(): void {
    for (const { partition, key, validAt, tx, value, askedAt } of this.#answers) {
      if (wasErased(this.#check.oracle, partition, key, askedAt)) continue;
      const again = this.#db.partition(partition).get(key, { validAt, tx });
      this.#count.repeated++;
      if (isDeepStrictEqual(again, value)) continue;
      throw new Error(`the answer of transaction ${tx} about ${validAt} has changed since ${askedAt}`);
    }
  }
}

/** Whether a key was erased behind a transaction. */
function wasErased(oracle: BitemporalOracle, partition: number, key: Key, behind: number): boolean {
  return oracle
    .events()
    .some(
      (event) =>
        event.kind === "erase" &&
        event.tx > behind &&
        event.partition === partition &&
        isDeepStrictEqual(event.key, key),
    );
}
