/**
 * One database whose processes are killed, again and again. Guarantees: after each kill another process opens it at
 * once, with nothing cleaned up in between; what it finds is compared with what was acknowledged. The first violation
 * ends it and leaves its files where they are, with a copy from before the last check beside them.
 */
import { setTimeout } from "node:timers/promises";
import { Random } from "../random.js";
import { CounterBounds } from "./counter-bounds.js";
import type { CheckJob, CommitJob, Report } from "./job.js";
import { KillMoment, type Pace } from "./kill-moment.js";
import { type CheckPlan, drawClosing, drawPlan, type KillPlan } from "./kill-plan.js";
import type { ScratchFolder } from "./scratch-folder.js";
import type { ProcessStock, StartedProcess } from "./started-process.js";
import type { Tally } from "./tally.js";
import type { Workload } from "./workload.js";

const FILE = "killed.llmdb";
const UNNAMED_SOCKET = /-lock-\w+-\d+-\w+-\w{8}-new$/;
/** A process that says nothing for so long hangs. */
const PATIENCE_MS = 30_000;

/** What the run as a whole has to say while a database is tortured. */
export interface TortureHooks {
  mayGoOn(): boolean;
  /** Called after each kill. */
  killed(): void;
}

export class KilledDatabase {
  readonly #workload: Workload;
  readonly #random: Random;
  readonly #bounds: CounterBounds;
  readonly #stock: ProcessStock;
  readonly #scratch: ScratchFolder;
  readonly #tally: Tally;
  readonly #name: string;
  readonly #pageSize: CommitJob["pageSize"];
  readonly #problems: string[] = [];
  readonly #pace: Pace;
  #checker: StartedProcess | undefined;

  constructor(workload: Workload, stock: ProcessStock, scratch: ScratchFolder, tally: Tally, pace: Pace) {
    this.#workload = workload;
    this.#random = new Random(workload.seed);
    this.#bounds = new CounterBounds(workload);
    this.#stock = stock;
    this.#scratch = scratch;
    this.#tally = tally;
    this.#pace = pace;
    this.#name = `database-${workload.seed}-${workload.committers}`;
    this.#pageSize = this.#random.pick([4096, 8192]);
    scratch.makeFolder(this.#name);
  }

  /** Where its files are. */
  get folder(): string {
    return this.#scratch.file(this.#name);
  }

  /** Kills up to `rounds` processes. Returns what is wrong with the database; empty where nothing is. */
  async run(rounds: number, hooks: TortureHooks): Promise<readonly string[]> {
    for (let round = 1; round <= rounds && this.#problems.length === 0; round++) {
      const last = round === rounds || !hooks.mayGoOn();
      const before = this.#bounds.certain;
      const plan = drawPlan(this.#random, round === 1);
      await this.#commitAndKill(plan, round === 1);
      const check = last && plan.check === "none" ? "close" : plan.check;
      if (check !== "none" && this.#problems.length === 0) await this.#check(check);
      this.#tally.kills++;
      this.#tally.commits += this.#bounds.certain - before;
      hooks.killed();
      if (last) break;
    }
    await this.#checker?.kill();
    if (this.#problems.length === 0) this.#forget();
    return this.#problems;
  }

  async #commitAndKill(plan: KillPlan, isFirst: boolean): Promise<void> {
    const child = this.#stock.take();
    const moment = new KillMoment(plan, this.#pace, isFirst);
    await child.begin(this.#commitJob(plan), (report) => {
      moment.hear(report);
      this.#hear(report);
    });
    const how = await Promise.race([moment.reached, child.ended.then(() => "ended"), this.#silence(moment)]);
    // A process in one of these stages has the database open and does not close it.
    const isOpen = plan.stage === "commits" || plan.stage === "checkpoint" || plan.stage === "compaction";
    if (this.#stock.spansNamespaces && isOpen && how !== "ended" && how !== "silent") await this.#intrude();
    await child.kill();
    this.#noteErrors(child);
    if (how === "silent") this.#problems.push(`the process made no progress in ${PATIENCE_MS} ms`);
    if (how === "ended" && this.#problems.length === 0) this.#problems.push("the process ended before it was killed");
    this.#tally.stages[plan.stage]++;
    if (moment.acknowledged === 0) this.#tally.withoutCommits++;
  }

  /** Another process tries to write as well. */
  async #intrude(): Promise<void> {
    const intruder = this.#stock.take();
    const answer = new Promise<Report>((resolve) => {
      void intruder.begin({ task: "intrude", path: `${this.folder}/${FILE}` }, resolve);
    });
    const late = setTimeout(PATIENCE_MS, undefined, { ref: false });
    const report = await Promise.race([answer, intruder.ended.then(() => undefined), late]);
    await intruder.kill();
    this.#noteErrors(intruder);
    if (report?.kind === "intruded" && report.keptOut) this.#tally.keptOut++;
    else if (report?.kind === "intruded") this.#problems.push("a second process could open the database for writing");
    else this.#problems.push(report?.kind === "failed" ? report.message : "a second process got no answer");
  }

  /** Resolves when the process has said nothing for too long. */
  async #silence(moment: KillMoment): Promise<"silent"> {
    let waitMs = PATIENCE_MS;
    while (waitMs > 0) {
      await setTimeout(waitMs, undefined, { ref: false });
      waitMs = moment.heardMs + PATIENCE_MS - performance.now();
    }
    return "silent";
  }

  #hear(report: Report): void {
    if (report.kind === "opened") {
      this.#countSteps(report.steps);
      this.#problems.push(...this.#bounds.observe(report.counters));
      this.#bounds.start();
    } else if (report.kind === "acknowledged") {
      this.#tally.acknowledged++;
      this.#bounds.acknowledge(report.committer, report.index);
    } else if (report.kind === "failed") {
      this.#problems.push(report.message);
    }
  }

  #countSteps(steps: readonly string[]): void {
    const { branches } = this.#tally;
    for (const step of steps) branches[step] = (branches[step] ?? 0) + 1;
  }

  async #check(check: CheckPlan): Promise<void> {
    this.#scratch.copyFolder(this.#name, `${this.#name}-before`);
    const checker = this.#checker ?? this.#stock.take();
    const inTime = await Promise.race([
      this.#askChecker(checker, check),
      checker.ended.then(() => "ended"),
      setTimeout(PATIENCE_MS, "late", { ref: false }),
    ]);
    // A checker that closed its database in order can look at it again after the next kill.
    this.#checker = inTime === "checked" && check !== "kill" ? checker : undefined;
    if (this.#checker === undefined) await checker.kill();
    this.#noteErrors(checker);
    if (inTime === "late") this.#problems.push(`the check did not end in ${PATIENCE_MS} ms`);
    if (inTime === "ended" && this.#problems.length === 0) this.#problems.push("the check ended without an answer");
    if (check === "close" && this.#problems.length === 0) this.#requireAlone();
  }

  /** Resolves when the checker has answered. */
  #askChecker(checker: StartedProcess, check: CheckPlan): Promise<"checked"> {
    return new Promise((resolve) => {
      void checker.begin(this.#checkJob(check), (report) => {
        if (report.kind === "failed") this.#problems.push(report.message);
        if (report.kind !== "checked") return;
        this.#countSteps(report.steps);
        this.#problems.push(...report.problems, ...this.#bounds.observe(report.counters));
        resolve("checked");
      });
    });
  }

  /** After a close in order, the database is one file. A socket that a kill left without a name may stay. */
  #requireAlone(): void {
    const others = this.#scratch.names(this.#name).filter((name) => name !== FILE && !UNNAMED_SOCKET.test(name));
    if (others.length > 0) this.#problems.push(`close() left ${others.join(", ")} behind`);
  }

  #noteErrors(child: StartedProcess): void {
    if (child.errors !== "") this.#problems.push(child.errors);
  }

  #commitJob(plan: KillPlan): CommitJob {
    return {
      task: "commit",
      path: `${this.folder}/${FILE}`,
      workload: this.#workload,
      pageSize: this.#pageSize,
      cacheBytes: this.#random.pick([64 * 8192, 4 * 1024 * 1024]),
      checkpointBytes: this.#random.pick([16, 64, 256, 1024]) * 1024,
      seed: this.#random.next(),
      ...(plan.stage === "closing" && { closeAfter: drawClosing(this.#random) }),
    };
  }

  #checkJob(check: CheckPlan): CheckJob {
    return {
      task: "check",
      path: `${this.folder}/${FILE}`,
      workload: this.#workload,
      pageSize: this.#pageSize,
      // A file that may not have come into being yet cannot be opened read-only.
      readOnly: check === "read-only" && this.#bounds.certain > 0,
      close: check !== "kill",
    };
  }

  #forget(): void {
    this.#scratch.removeFolder(this.#name);
    this.#scratch.removeFolder(`${this.#name}-before`);
  }
}
