/**
 * Carries out a plan on a simulated disk beside the oracle. Guarantees: everything that the database shows while it
 * runs is what the oracle says; where errors are expected, each is typed and leaves the state before or after.
 */
import type { Database } from "../../../engine/database.js";
import { open } from "../../../engine/open.js";
import type { Snapshot } from "../../../engine/snapshot.js";
import type { Transaction } from "../../../engine/transaction.js";
import { LlmdbError } from "../../../pager/error.js";
import { turn } from "../../../pager/timers.js";
import { expectClean } from "../checkers.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import { applyToDraft, Rollback, runTransaction, write, writeBlocking } from "./change.js";
import {
  type Contents,
  type ContentsSource,
  copyContents,
  describeDifference,
  fingerprintOf,
  readContents,
} from "./contents.js";
import { findState, History, requireState, type State } from "./history.js";
import { drawCrash } from "./image-plan.js";
import { OpenPromises } from "./open-promises.js";
import type { TorturePlan, TortureStep, TransactionPlan } from "./plan.js";
import { CrashRecorder } from "./recorder.js";
import { type BranchCounts, countSteps } from "./recovery-steps.js";
import { randomFor } from "./seed.js";
import { demand, Violation } from "./violation.js";
import type { VirtualTimers } from "./virtual-timers.js";

/** Where the database lies on the simulated disk. */
export const DATABASE_PATH = "/torture.llmdb";
export const PAGE_SIZE = 4096;
const MOST_SNAPSHOTS = 3;
const MOST_BACKUPS = 2;

/** What a workload runs with. */
export interface WorkloadOptions {
  readonly plan: TorturePlan;
  readonly disk: SimulatedDisk;
  readonly timers: VirtualTimers;
  /** Counts what each opening did. */
  readonly branches: BranchCounts;
  /** The disk fails now and then. */
  readonly expectsErrors?: boolean;
}

/** One run of a plan. */
export class Workload {
  readonly history = new History();
  readonly recorder = new CrashRecorder(this.history);
  /** Errors that the database gave, where errors are expected. */
  errors = 0;
  /** By step: the operations of the disk before it. Those before the first one create the database. */
  readonly operationsBefore: number[] = [];
  readonly #plan: TorturePlan;
  readonly #timers: VirtualTimers;
  readonly #expectsErrors: boolean;
  readonly #branches: BranchCounts;
  readonly #promises = new OpenPromises();
  #disk: SimulatedDisk;
  #db: Database | undefined;
  #snapshots: { readonly snapshot: Snapshot; readonly state: State }[] = [];
  #checkpointBytes: number;
  #backups = 0;
  /** Writes are refused until the database is opened again. */
  #broken = false;

  constructor({ plan, disk, timers, branches, expectsErrors = false }: WorkloadOptions) {
    this.#plan = plan;
    this.#disk = disk;
    this.#timers = timers;
    this.#branches = branches;
    this.#expectsErrors = expectsErrors;
    this.#checkpointBytes = plan.checkpointBytes;
  }

  /** Carries out all steps and closes the database. */
  async run(): Promise<void> {
    this.recorder.attach(this.#disk);
    this.#open();
    for (const step of this.#plan.steps) {
      this.operationsBefore.push(this.#disk.operationCount);
      await this.#step(step);
      // A commit that was aborted says so a moment later.
      if (this.#expectsErrors) await turn();
      this.#throwViolation();
      if (this.#broken) await this.#reopen(false);
    }
    await this.#settle();
    if (this.#broken) await this.#reopen(false);
    this.#compare("at the end");
    await this.#close(false);
    this.recorder.take("the end");
    this.#throwViolation();
  }

  get #database(): Database {
    if (this.#db === undefined) throw new Error("the database is not open");
    return this.#db;
  }

  #throwViolation(): void {
    if (this.#promises.violation !== undefined) throw this.#promises.violation;
  }

  async #step(step: TortureStep): Promise<void> {
    switch (step.kind) {
      case "commit":
        for (const plan of step.transactions) plan.blocking ? this.#commitBlocking(plan) : this.#commit(plan);
        return;
      case "write":
      case "drop":
        return this.#write(step);
      case "checkpoint":
        this.#checkpoint();
        return step.waits ? this.#settle() : undefined;
      case "compact":
        return this.#tolerate(() => this.#timers.settle(this.#database.compact()));
      case "backup":
        return this.#backup(step.compact, step.keeps);
      case "await":
        return this.#settle();
      case "snapshot":
        return this.#openSnapshot();
      case "release":
        return this.#release(this.#snapshots.splice(step.which % (this.#snapshots.length + 1), 1));
      case "verify":
        return this.#compare("in memory");
      case "turns":
        for (let i = 0; i < step.count; i++) await turn();
        return;
      case "wait":
        return this.#timers.advance(step.milliseconds);
      case "clock":
        this.#disk.time += step.milliseconds;
        return;
      case "reopen":
        this.#checkpointBytes = step.checkpointBytes;
        return this.#reopen(step.blocking);
      case "crash":
        return this.#crash(step.seed, step.power);
    }
  }

  /** Opens what is on the disk; what it shows must be legal, and must stay. */
  #open(): void {
    const db = this.#twice(() =>
      open(DATABASE_PATH, {
        storage: this.#disk,
        pageSize: PAGE_SIZE,
        cacheBytes: this.#plan.cacheBytes,
        checkpointBytes: this.#checkpointBytes,
      }),
    );
    this.#db = db;
    this.#broken = false;
    countSteps(db, this.#branches);
    const contents = this.#twice(() => readContents(db));
    this.history.settle(requireState(this.history.legal, contents, fingerprintOf(contents), "after opening"));
  }

  /** An error is injected once: the next attempt must do. */
  #twice<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      this.#requireExpected(error);
      return action();
    }
  }

  #commitBlocking(plan: TransactionPlan): void {
    const commit = this.#body(plan);
    try {
      this.#database.transactionSync(commit.body, { durability: plan.durability });
      commit.acknowledge();
    } catch (error) {
      this.#failed(error);
    }
  }

  #commit(plan: TransactionPlan): void {
    const commit = this.#body(plan);
    const promise = this.#database.transaction(commit.body, { durability: plan.durability });
    this.#track(promise, commit.acknowledge);
  }

  #body(plan: TransactionPlan): { body: (tx: Transaction) => void; acknowledge: () => void } {
    let state: State | undefined;
    const body = (tx: Transaction): void => {
      if (this.#expectsErrors) this.history.rewind(tx.id);
      const { head } = this.history;
      const contents = runTransaction(tx, plan, copyContents(head.contents), head.depth + 1);
      if (plan.looks) this.#openSnapshot();
      demand(tx.id > head.tx && tx.time > head.time, () => `transaction ${tx.id} is not later than ${head.tx}`);
      state = this.history.push(contents, tx.id, tx.time);
    };
    const acknowledge = (): void => {
      if (state !== undefined && plan.durability === "durable") this.history.ack(state);
    };
    return { body, acknowledge };
  }

  #track(promise: Promise<unknown>, done: () => void): void {
    this.#promises.track(promise, done, (error) => this.#failed(error));
  }

  async #settle(): Promise<void> {
    await this.#timers.settle(this.#promises.all());
    this.#throwViolation();
  }

  /** A write through the map itself: its body cannot be watched, so nothing else may be under way. */
  async #write(step: Extract<TortureStep, { kind: "write" | "drop" }>): Promise<void> {
    await this.#settle();
    if (this.#broken) return;
    const db = this.#database;
    const { contents, tx, time } = this.history.head;
    const draft = copyContents(contents);
    if (step.kind === "drop") draft.delete(step.map);
    else applyToDraft(draft, step.change);
    const state = this.history.push(draft, tx, time);
    await this.#tolerate(async () => {
      if (step.kind === "drop") await this.#timers.settle(db.dropMap(step.map));
      else if (step.blocking) writeBlocking(db, step.change);
      else await this.#timers.settle(write(db, step.change));
      this.history.ack(state);
    });
  }

  #checkpoint(): void {
    const { head } = this.history;
    this.#track(this.#database.checkpoint(), () => this.history.ack(head));
  }

  async #backup(compact: boolean, keeps: boolean): Promise<void> {
    const path = `${DATABASE_PATH}.backup${++this.#backups}`;
    const state = this.history.head;
    const others = this.recorder.backups;
    this.recorder.backups = [...others, { path, state, complete: false }];
    await this.#tolerate(async () => {
      await this.#timers.settle(this.#database.backup(path, { compact }));
      this.recorder.backups = [...others, { path, state, complete: true }];
      const copy = open(path, { storage: this.#disk, readOnly: true, cacheBytes: 0 });
      try {
        requireSame(copy, state, "in the backup");
      } finally {
        copy.closeSync();
      }
      if (keeps && others.length < MOST_BACKUPS) return;
      this.recorder.backups = others;
      this.#disk.unlink(path);
    });
    if (!this.recorder.backups.every(({ complete }) => complete)) this.recorder.backups = others;
  }

  #openSnapshot(): void {
    if (this.#snapshots.length >= MOST_SNAPSHOTS) return;
    this.#snapshots.push({ snapshot: this.#database.snapshot(), state: this.history.head });
  }

  async #release(leaving: readonly { readonly snapshot: Snapshot; readonly state: State }[]): Promise<void> {
    for (const { snapshot, state } of leaving) {
      await this.#tolerate(() => requireSame(snapshot, state, "in a snapshot"));
      snapshot.close();
    }
  }

  #compare(where: string): void {
    const db = this.#database;
    requireContents(
      this.#twice(() => readContents(db)),
      this.history.head,
      where,
    );
    // An injected error is a finding of verify, not thrown.
    if (!this.#expectsErrors) expectClean(db);
  }

  async #reopen(blocking: boolean): Promise<void> {
    await this.#close(blocking);
    this.#open();
  }

  /** Closes, with promises under way or without. */
  async #close(blocking: boolean): Promise<void> {
    await this.#release(this.#snapshots.splice(0));
    if (blocking) await this.#settle();
    const db = this.#database;
    this.#db = undefined;
    try {
      if (blocking) db.closeSync();
      else await this.#timers.settle(db.close());
      if (!this.#broken) this.history.ack(this.history.head);
    } catch (error) {
      this.#requireExpected(error);
    }
    await this.#settle();
  }

  #crash(seed: number, power: boolean): void {
    this.#promises.abandon();
    this.#snapshots = [];
    this.#disk = power ? this.#disk.crash(drawCrash(randomFor(seed))) : this.#disk.fork();
    this.recorder.backups = [];
    this.recorder.attach(this.#disk);
    this.#open();
    this.#compare("after a crash");
  }

  async #tolerate(action: () => unknown): Promise<void> {
    try {
      await action();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** After an error the state is the one before or the one after; which one is read from the database. */
  #failed(error: unknown): void {
    if (error instanceof Rollback) return;
    if (this.#requireExpected(error).code === "LLMDB_COMMIT_UNKNOWN") this.#broken = true;
    if (this.#db === undefined) return;
    const contents = readContents(this.#db);
    const { history } = this;
    const state = findState(history.legal, fingerprintOf(contents));
    if (state === undefined) {
      const difference = describeDifference(contents, history.head.contents);
      throw new Violation(`after an error the state in memory is neither before nor after: ${difference}`);
    }
    history.head = state;
    if (!this.#broken) history.limit = state;
  }

  #requireExpected(error: unknown): LlmdbError {
    if (!this.#expectsErrors || !(error instanceof LlmdbError)) throw error;
    this.errors++;
    return error;
  }
}

function requireSame(source: ContentsSource, state: State, where: string): void {
  requireContents(readContents(source), state, where);
}

function requireContents(contents: Contents, state: State, where: string): void {
  demand(fingerprintOf(contents) === state.fingerprint, () => {
    return `${where} of commit ${state.depth}: ${describeDifference(contents, state.contents)}`;
  });
}
