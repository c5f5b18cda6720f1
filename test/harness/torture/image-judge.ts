/**
 * Judges crash images: opens each on a disk of its own and crashes that disk again. Guarantees: what is found is one
 * of the legal states, whole, whichever way recovery was interrupted; it stays; `verify()` is clean, a commit and a
 * reopen work, and opening once more changes no byte. Images that are the same are recovered once.
 */
import type { Database } from "../../../engine/database.js";
import { open } from "../../../engine/open.js";
import { LlmdbError } from "../../../pager/error.js";
import { expectClean } from "../checkers.js";
import { Random } from "../random.js";
import type { SimulatedDisk } from "../simulated-disk.js";
import { applyToDraft, writeBlocking } from "./change.js";
import {
  type Contents,
  copyContents,
  describeDifference,
  type Fingerprint,
  fingerprintOf,
  readContents,
} from "./contents.js";
import { isChange } from "./disk-change.js";
import { findState, type LegalStates, requireState } from "./history.js";
import { hashDisk } from "./image-hash.js";
import { crashOptions, type ImagePlan } from "./image-plan.js";
import { KnownImages } from "./known-images.js";
import type { CrashPoint, ExpectedBackup } from "./recorder.js";
import { countSteps } from "./recovery-steps.js";
import { type Recrash, RecrashCollector, type RecrashEffort, type RecrashMemory } from "./recrash.js";
import { randomFor } from "./seed.js";
import type { Tally } from "./tally.js";
import { demand, during } from "./violation.js";
import { DATABASE_PATH, PAGE_SIZE } from "./workload.js";

/** What an image turned out to be. */
export interface Outcome {
  readonly contents: Contents;
  readonly fingerprint: Fingerprint;
  /** The number and time of the first commit after it. */
  readonly nextTx: number;
  readonly nextTime: number;
  /** How deep recovery was crashed again. */
  readonly depth: number;
}

export interface JudgeOptions {
  /** 1: images are recovered; 2: that is crashed again; 3: some of these recoveries once more. */
  readonly depth: number;
  readonly effort: RecrashEffort;
  /** The same where only the process was killed, which leaves more to lose. */
  readonly killedEffort: RecrashEffort;
  /** How many recoveries at depth 2 are crashed again, as a probability. */
  readonly deepChance: number;
  readonly checkpointBytes: number;
  /** Counts images and recoveries. */
  readonly tally: Tally;
  /** Images that are known from other workloads. */
  readonly known?: KnownImages<Outcome>;
}

const AFTER = { kind: "put", map: "after", key: "after", size: 5, seed: 1 } as const;

const READ_ONLY_CHANCE = 0.05;
const DATABASE_NAME = DATABASE_PATH.slice(1);

/** Judges the images of one workload. */
export class ImageJudge {
  readonly #options: JudgeOptions;
  readonly #known: KnownImages<Outcome>;
  readonly #contents = new Map<Fingerprint, Contents>();

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#known = options.known ?? new KnownImages<Outcome>();
  }

  /** Names the images of a disk as it is now, for {@link judge}. */
  recipes(disk: SimulatedDisk): (plan: ImagePlan) => string | undefined {
    return this.#known.recipes(disk);
  }

  /** Judges what a power failure leaves of a disk. Throws a violation. */
  judge(disk: SimulatedDisk, plan: ImagePlan, recipe: string | undefined, legal: CrashPoint, random: Random): void {
    const make = (): SimulatedDisk => disk.crash(crashOptions(plan, randomFor));
    this.#conclude(this.#recall(make, recipe, this.#options.depth, random), legal);
    if (legal.backups.length > 0) this.#judgeBackups(make(), legal.backups);
  }

  /** Judges what is left where only the process was killed: nothing is lost yet, but may be later. */
  judgeKilled(disk: SimulatedDisk, legal: LegalStates, random: Random): void {
    this.#options.tally.images++;
    this.#conclude(this.#examine(disk, this.#options.depth, random, legal), legal);
  }

  #conclude(outcome: Outcome, legal: LegalStates): void {
    const state = requireState(legal, outcome.contents, outcome.fingerprint, "after recovery");
    demand(outcome.nextTx > state.tx, () => `after recovery comes transaction ${outcome.nextTx}, after ${state.tx}`);
    demand(outcome.nextTime > state.time, () => "after recovery, time runs backwards");
  }

  #recall(make: () => SimulatedDisk, recipe: string | undefined, depth: number, random: Random): Outcome {
    this.#options.tally.images++;
    const made = this.#known.getMade(recipe);
    if (made !== undefined && made.depth >= depth) return made;
    const image = make();
    const hash = hashDisk(image);
    let outcome = this.#known.get(hash);
    if (outcome === undefined || outcome.depth < depth) {
      this.#options.tally.distinct++;
      outcome = this.#examine(image, depth, random, undefined);
      this.#known.set(hash, outcome);
    }
    this.#known.setMade(recipe, outcome);
    return outcome;
  }

  /** Recovers an image. `legal` is given where a crash inside recovery may leave another state. */
  #examine(disk: SimulatedDisk, depth: number, random: Random, legal: LegalStates | undefined): Outcome {
    if (random.chance(READ_ONLY_CHANCE)) during("read-only", () => this.#readOnly(disk.fork()));
    const effort = legal === undefined ? this.#options.effort : this.#options.killedEffort;
    const collector = depth > 1 ? new RecrashCollector(disk, effort, this.#memory(depth - 1), random) : undefined;
    const db = during("recovery", () => this.#open(disk));
    const contents = during("reading", () => this.#shared(readContents(db)));
    collector?.enter("opened");
    during("verify()", () => expectClean(db));
    collector?.enter("committing");
    const { tx, time } = during("a commit after recovery", () => writeBlocking(db, AFTER));
    collector?.enter("committed");
    const after = contentsAfter(contents);
    during("after one more commit", () => requireSame(readContents(db), after));
    during("closing", () => db.closeSync());
    collector?.detach();
    during("after recovery, a commit and a close", () => this.#reopen(disk, after));
    const outcome = { contents, fingerprint: fingerprintOf(contents), nextTx: tx, nextTime: time, depth };
    for (const recrash of collector?.found ?? []) {
      const where = `crashed again (${recrash.phase}, before ${recrash.next})`;
      during(where, () => this.#judgeRecrash(recrash, outcome, after, legal, random));
    }
    return outcome;
  }

  /** After a clean close nothing but the database is left; opening again finds the same and changes no byte. */
  #reopen(disk: SimulatedDisk, contents: Contents): void {
    const leftover = disk
      .list("/")
      .find((name) => name !== DATABASE_NAME && !name.startsWith(`${DATABASE_NAME}.backup`));
    demand(leftover === undefined, () => `a clean close leaves ${leftover} behind`);
    const closed = disk.fork();
    let changes = 0;
    disk.watcher = ({ kind }) => {
      if (isChange(kind)) changes++;
    };
    const db = this.#open(disk);
    requireSame(readContents(db), contents);
    db.closeSync();
    disk.watcher = undefined;
    demand(changes === 0 || hashDisk(closed) === hashDisk(disk), () => "opening and closing again changes the files");
  }

  #judgeRecrash(
    { disk, recipe, phase }: Recrash,
    outcome: Outcome,
    after: Contents,
    legal: LegalStates | undefined,
    random: Random,
  ): void {
    // Drawn whether or not the image is known, so that a replay draws the same.
    const own = new Random(random.next());
    const deeper = outcome.depth > 2 && !own.chance(this.#options.deepChance) ? 1 : outcome.depth - 1;
    const make = (): SimulatedDisk => {
      if (disk === undefined) throw new Error("an image is neither known nor made");
      return disk;
    };
    const { contents, fingerprint } = this.#recall(make, recipe, deeper, own);
    const early = phase !== "committed" && fingerprint === outcome.fingerprint;
    const late = (phase === "committing" || phase === "committed") && fingerprint === fingerprintOf(after);
    if (early || late) return;
    if (phase === "recovering" && legal !== undefined && findState(legal, fingerprint) !== undefined) return;
    requireSame(contents, phase === "committed" ? after : outcome.contents);
  }

  #memory(depth: number): RecrashMemory {
    const known = this.#known;
    return {
      recipes: (disk) => known.recipes(disk),
      isKnown: (recipe) => (known.getMade(recipe)?.depth ?? 0) >= depth,
    };
  }

  #judgeBackups(image: SimulatedDisk, backups: readonly ExpectedBackup[]): void {
    for (const { path, state, complete } of backups) {
      if (image.kind(path) === "missing") {
        demand(!complete, () => `the backup of commit ${state.depth} is gone`);
        continue;
      }
      const copy = open(path, { storage: image, readOnly: true, cacheBytes: 0 });
      during(`the backup of commit ${state.depth}`, () => requireSame(readContents(copy), state.contents));
      copy.closeSync();
    }
  }

  /** A read-only open shows the same, or is refused; either way it writes nothing. */
  #readOnly(disk: SimulatedDisk): void {
    const before = hashDisk(disk);
    try {
      const reader = open(DATABASE_PATH, { storage: disk, readOnly: true, cacheBytes: 0 });
      const contents = readContents(reader);
      reader.closeSync();
      const writer = open(DATABASE_PATH, { storage: disk.fork(), cacheBytes: 0 });
      requireSame(contents, readContents(writer));
      writer.closeSync();
    } catch (error) {
      if (!(error instanceof LlmdbError)) throw error;
    }
    demand(hashDisk(disk) === before, () => "a read-only open changed the files");
  }

  #open(disk: SimulatedDisk): Database {
    const { checkpointBytes, tally } = this.#options;
    tally.recoveries++;
    const db = open(DATABASE_PATH, { storage: disk, pageSize: PAGE_SIZE, cacheBytes: 0, checkpointBytes });
    countSteps(db, tally.branches);
    return db;
  }

  /** The same contents as one object, as there are many images and few states. */
  #shared(contents: Contents): Contents {
    const fingerprint = fingerprintOf(contents);
    const known = this.#contents.get(fingerprint);
    if (known === undefined) this.#contents.set(fingerprint, contents);
    return known ?? contents;
  }
}

function contentsAfter(contents: Contents): Contents {
  const after = copyContents(contents);
  applyToDraft(after, AFTER);
  return after;
}

function requireSame(actual: Contents, expected: Contents): void {
  demand(fingerprintOf(actual) === fingerprintOf(expected), () => describeDifference(actual, expected));
}
