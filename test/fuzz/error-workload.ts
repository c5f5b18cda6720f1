/**
 * A short life of a database in which something may fail: writes, erasing, checkpoints, compaction, backups.
 * Guarantees: it knows at each moment what may be stored: exactly what was acknowledged, and of what failed either
 * state; and which words were erased for good.
 */
import type { Database } from "../../index.js";
import { LlmdbError, type OpenOptions, open } from "../../index.js";
import type { Random } from "../harness/random.js";

const KEYS = 12;
const FACTS = 6;
const STEPS = 16;
const MAX_SMALL = 400;
const MAX_LARGE = 40_000;
const OPTIONS: OpenOptions = { pageSize: 4096, checkpointBytes: 64 * 1024, cacheBytes: 512 * 1024 };

/** What a step does, and whether it is worth more than one of a dozen. */
const STEP_KINDS = [
  "put",
  "put",
  "large",
  "delete",
  "fact",
  "fact",
  "erase",
  "erase",
  "checkpoint",
  "compact",
  "backup",
  "forget",
] as const;
type StepKind = (typeof STEP_KINDS)[number];

/** What a workload knows, as plain data for another process. */
export interface WorkloadState {
  readonly possible: [number, number[]][];
  readonly facts: [number, string[]][];
  readonly erased: string[];
  readonly problems: string[];
  readonly values: number;
  readonly typedErrors: number;
}

export class ErrorWorkload {
  readonly problems: string[] = [];
  values = 0;
  typedErrors = 0;
  readonly #path: string;
  readonly #random: Random;
  readonly #told: (use: string) => void;
  /** For each key, the lengths of values that may be there; 0 stands for none. Lengths tell values apart. */
  readonly #possible = new Map<number, Set<number>>();
  /** For each fact, the words that may be stored; "" stands for none. */
  readonly #facts = new Map<number, Set<string>>();
  readonly #erased = new Set<string>();
  /** Words of each fact, in any of its versions. */
  readonly #words = new Map<number, string[]>();
  #written = 0;

  constructor(path: string, random: Random, told: (use: string) => void) {
    this.#path = path;
    this.#random = random;
    this.#told = told;
  }

  get state(): WorkloadState {
    const { problems, values, typedErrors } = this;
    const possible = [...this.#possible].map(([key, set]): [number, number[]] => [key, [...set]]);
    const facts = [...this.#facts].map(([key, set]): [number, string[]] => [key, [...set]]);
    return { possible, facts, erased: [...this.#erased], problems, values, typedErrors };
  }

  /** Takes over what another process has done. */
  restore(state: WorkloadState): void {
    for (const [key, lengths] of state.possible) this.#possible.set(key, new Set(lengths));
    for (const [fact, words] of state.facts) this.#facts.set(fact, new Set(words));
    for (const word of state.erased) this.#erased.add(word);
    this.problems.push(...state.problems);
    this.values += state.values;
    this.typedErrors += state.typedErrors;
  }

  /** Opens, makes some steps and closes; errors are counted. Returns the handle where it is left open, as by a kill. */
  async live(options: OpenOptions, closes: boolean): Promise<Database | undefined> {
    let db: Database | undefined;
    await this.#attempt("open", () => {
      db = open(this.#path, { ...OPTIONS, ...options });
    });
    if (db === undefined) return undefined;
    for (let step = 0; step < STEPS; step++) await this.#step(db, this.#random.pick(STEP_KINDS));
    return closes ? this.#close(db) : db;
  }

  async #close(db: Database): Promise<undefined> {
    await this.#attempt("close", () => db.close());
  }

  /** Everything must be right, now and after another write. Nothing fails any more. */
  async check(options: OpenOptions): Promise<void> {
    this.#told("open again");
    const db = open(this.#path, { ...OPTIONS, ...options });
    this.#compare(db);
    await db.map("after").put(1, 1);
    await db.close();
    const again = open(this.#path, { ...OPTIONS, ...options });
    this.#compare(again);
    again.closeSync();
  }

  /** Words that were erased and are in these bytes, which are there after `check`. */
  requireErased(bytes: Uint8Array, name: string): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
    for (const word of this.#erased)
      if (text.includes(word)) this.problems.push(`"${word}" was erased and is in ${name}`);
  }

  async #step(db: Database, kind: StepKind): Promise<void> {
    const key = this.#random.below(KEYS);
    const fact = this.#random.below(FACTS);
    switch (kind) {
      case "put":
        return this.#put(db, key, 1 + this.#random.below(MAX_SMALL));
      case "large":
        return this.#put(db, key, 5000 + this.#random.below(MAX_LARGE));
      case "delete":
        return this.#change(this.#lengths(key), 0, kind, () => db.map("kept").delete(key));
      case "fact":
        return this.#fact(db, fact);
      case "erase":
        return this.#erase(db, fact);
      case "checkpoint":
        return void (await this.#attempt(kind, () => db.checkpoint()));
      case "compact":
        return void (await this.#attempt(kind, () => db.compact()));
      case "backup":
        return void (await this.#attempt(kind, () => db.backup(`${this.#path}.copy${this.#written++}`)));
      default:
        return void (await this.#attempt(kind, () =>
          db.forgetHistory({ before: db.stats().lastTx > 3 ? Date.now() : 0 }),
        ));
    }
  }

  #put(db: Database, key: number, length: number): Promise<void> {
    const value = new Uint8Array(length).fill(1 + (key % 250));
    return this.#change(this.#lengths(key), length, "put", () => db.map("kept", { values: "bytes" }).put(key, value));
  }

  #fact(db: Database, fact: number): Promise<void> {
    const word = `secret-${fact}-${++this.#written}-${this.#random.below(1e9)}`;
    this.#words.set(fact, [...(this.#words.get(fact) ?? []), word]);
    return this.#change(this.#wordsNow(fact), word, "fact", () => db.put(["fact", fact], { word }));
  }

  async #erase(db: Database, fact: number): Promise<void> {
    const done = await this.#changed(this.#wordsNow(fact), "", "erase", () => db.erase(["fact", fact]));
    if (done) for (const word of this.#words.get(fact) ?? []) this.#erased.add(word);
    if (done) this.#words.set(fact, []);
  }

  #lengths(key: number): Set<number> {
    return setOf(this.#possible, key, 0);
  }

  #wordsNow(fact: number): Set<string> {
    return setOf(this.#facts, fact, "");
  }

  async #change<T>(possible: Set<T>, value: T, name: string, action: () => Promise<unknown>): Promise<void> {
    await this.#changed(possible, value, name, action);
  }

  /** Makes a change: acknowledged, it is what is there; failed, it may be. */
  async #changed<T>(possible: Set<T>, value: T, name: string, action: () => Promise<unknown>): Promise<boolean> {
    const done = await this.#attempt(name, action);
    if (done) possible.clear();
    possible.add(value);
    return done;
  }

  /** False where it failed, which must be with a typed error. */
  async #attempt(name: string, action: () => unknown): Promise<boolean> {
    this.#told(name);
    try {
      await action();
      this.values++;
      return true;
    } catch (error) {
      if (error instanceof LlmdbError) this.typedErrors++;
      else this.problems.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
      return false;
    }
  }

  #compare(db: Database): void {
    for (const { what } of db.verify().problems) this.problems.push(`verify: ${what}`);
    for (const [key, possible] of this.#possible) {
      const length = db.map<number, Uint8Array>("kept").get(key)?.length ?? 0;
      settle(possible, length, `key ${key} has ${length} bytes`, this.problems);
    }
    for (const [fact, possible] of this.#facts) {
      const value = db.get(["fact", fact]);
      const word = typeof value === "object" && value !== null && "word" in value ? String(value.word) : "";
      settle(possible, word, `fact ${fact} is "${word}"`, this.problems);
    }
  }
}

/** What was read must be possible, and is what is there from now on. */
function settle<T>(possible: Set<T>, found: T, what: string, problems: string[]): void {
  if (!possible.has(found)) problems.push(`${what}, not ${[...possible].join(" or ")}`);
  possible.clear();
  possible.add(found);
}

function setOf<T>(sets: Map<number, Set<T>>, key: number, none: T): Set<T> {
  const found = sets.get(key) ?? new Set([none]);
  sets.set(key, found);
  return found;
}
