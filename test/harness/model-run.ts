/**
 * Carries out steps on a database and on its model side by side. Guarantees: `verify()` is clean as often as is asked
 * and what each step showed is what the model says; open snapshots and iterations are compared again at the end.
 */
import type { Database } from "../../engine/database.js";
import type { Key } from "../../engine/key.js";
import { open } from "../../engine/open.js";
import type { OpenOptions } from "../../engine/options.js";
import type { Range } from "../../engine/range.js";
import type { Snapshot } from "../../engine/snapshot.js";
import type { Transaction } from "../../engine/transaction.js";
import type { TransactionMap } from "../../engine/transaction-map.js";
import type { Storage } from "../../pager/storage.js";
import { expectClean, expectSame, expectState, type MapSource } from "./checkers.js";
import type { Change, Inner, Question, Step, Universe } from "./commands.js";
import { type CompareKeys, ModelDatabase, type ModelEntry } from "./model.js";

/** Thrown to roll a transaction back. */
class Rollback extends Error {}

const UNHARMED = { replayed: 0, cutBytes: 0, olderMeta: false, logMissing: false, steps: [] };

interface OpenSnapshot {
  readonly snapshot: Snapshot;
  readonly model: ModelDatabase;
}

interface OpenIteration {
  readonly entries: IterableIterator<[Key, unknown]>;
  readonly expected: readonly ModelEntry[];
  at: number;
}

/** The value of a put: its size and seed are all there is to it. */
export function valueFor(format: string, size: number, seed: number): unknown {
  if (format === "bytes") {
    const bytes = new Uint8Array(size).fill(seed);
    for (let i = 0; i < size; i += 61) bytes[i] = seed + i;
    return bytes;
  }
  const text = String.fromCharCode(97 + (seed % 26)).repeat(Math.max(0, size - 4)) + (size > 0 ? String(seed) : "");
  if (format === "string") return text;
  return size % 2 === 0 ? { seed, text } : [seed, text, null, true, 1.5];
}

export class ModelRun {
  readonly #universe: Universe;
  readonly #storage: Storage;
  readonly #path: string;
  readonly #options: OpenOptions;
  readonly #snapshots: OpenSnapshot[] = [];
  readonly #iterations: OpenIteration[] = [];
  readonly #names: string[];
  #model: ModelDatabase;
  #db: Database;
  #backups = 0;

  constructor(universe: Universe, compare: CompareKeys, storage: Storage, path: string, options: OpenOptions) {
    this.#universe = universe;
    this.#storage = storage;
    this.#path = path;
    this.#options = { ...options, storage };
    this.#model = new ModelDatabase(compare);
    this.#names = universe.maps.map(({ name }) => name);
    this.#db = open(path, this.#options);
  }

  /**
   * Carries out all steps and closes.
   *
   * @param verifyEvery - `verify()` comes after so many steps. It writes what is only in memory, so runs that are to
   * keep commits there for a while ask for it seldom.
   */
  async run(steps: readonly Step[], verifyEvery = 1): Promise<void> {
    try {
      for (const [i, step] of steps.entries()) {
        await this.#step(step);
        if ((i + 1) % verifyEvery === 0) expectClean(this.#db);
      }
      this.#recheckAll();
      await this.#reopen();
      expectClean(this.#db);
    } finally {
      this.#db.closeSync();
    }
  }

  async #step(step: Step): Promise<void> {
    switch (step.kind) {
      case "change":
        return this.#change(step.change, step.blocking);
      case "transaction":
        return this.#transaction(step);
      case "recheck":
        return this.#recheck(step.which);
      case "release":
        for (const { snapshot } of this.#snapshots.splice(step.which % (this.#snapshots.length + 1), 1)) {
          snapshot.close();
        }
        return;
      case "snapshot":
        this.#openSnapshot();
        return;
      case "iterate":
        this.#openIteration(step.map, step.range);
        return;
      case "advance":
        return this.#advance(step.which, step.entries);
      case "leave":
        for (const { entries } of this.#iterations.splice(step.which % (this.#iterations.length + 1), 1)) {
          entries.return?.();
        }
        return;
      case "drop":
        await this.#db.dropMap(this.#names[step.map]);
        this.#model.drop(this.#names[step.map]);
        return;
      case "backup":
        return this.#backup(step.compact);
      case "checkpoint":
        return this.#db.checkpoint();
      case "compact":
        await this.#db.compact();
        return;
      case "reopen":
        return this.#reopen();
      default:
        this.#ask(step, this.#db, this.#model);
    }
  }

  async #change(change: Change, blocking: boolean): Promise<void> {
    const { name, format } = this.#universe.maps[change.map];
    const map = this.#db.map(name, { values: format });
    if (change.kind === "put") {
      const value = valueFor(format, this.#universe.sizes[change.size], change.seed);
      const key = this.#universe.keys[change.key];
      if (blocking) map.putSync(key, value);
      else await map.put(key, value);
    } else if (change.kind === "delete") {
      if (blocking) map.deleteSync(this.#universe.keys[change.key]);
      else await map.delete(this.#universe.keys[change.key]);
    } else if (change.kind === "clear") {
      if (blocking) map.clearSync(change.range);
      else await map.clear(change.range);
    } else {
      await this.#db.transaction((tx) => this.#apply(tx, change, new ModelDatabase(() => 0)));
    }
    this.#changeModel(change, this.#model);
  }

  async #transaction(step: Extract<Step, { kind: "transaction" }>): Promise<void> {
    const { fails, durability, blocking, inner } = step;
    const before = this.#model;
    const model = before.copy();
    const body = (tx: Transaction): void => {
      this.#runInner(tx, inner, model);
      expectState(tx, model, this.#names, "in the transaction");
      expectState(this.#db, before, this.#names, "outside of the transaction");
      if (fails) throw new Rollback();
    };
    try {
      if (blocking) this.#db.transactionSync(body, { durability });
      else await this.#db.transaction(body, { durability });
      this.#model = model;
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
    }
    expectState(this.#db, this.#model, this.#names, "after the transaction");
  }

  #runInner(tx: Transaction, steps: readonly Inner[], model: ModelDatabase): void {
    for (const step of steps) {
      if (step.kind === "nested") this.#nest(tx, step.inner, step.fails, model);
      else if (step.kind === "walk") this.#walk(tx, step, model);
      else if (step.kind === "snapshot") this.#openSnapshot();
      else if (step.kind === "iterate") this.#openIteration(step.map, step.range);
      else if (step.kind === "read" || step.kind === "scan" || step.kind === "count") this.#ask(step, tx, model);
      else this.#apply(tx, step, model);
    }
  }

  #nest(tx: Transaction, steps: readonly Inner[], fails: boolean, model: ModelDatabase): void {
    const before = model.copy();
    try {
      tx.transaction((nested) => {
        this.#runInner(nested, steps, model);
        if (fails) throw new Rollback();
      });
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
      model.become(before);
    }
    expectState(tx, model, this.#names, "after the nested transaction");
  }

  /** A cursor sees what is written ahead of it, and nothing twice. */
  #walk(tx: Transaction, step: Extract<Inner, { kind: "walk" }>, model: ModelDatabase): void {
    const { name } = this.#universe.maps[step.map];
    const { limit = Number.POSITIVE_INFINITY, offset = 0, ...bounds } = step.range;
    const entries = tx.map(name).range(step.range);
    let expected = model.map(name)?.range({ ...bounds, offset, limit: 1 })[0];
    if (limit === 0) expected = undefined;
    for (let i = 0; ; i++) {
      const { done, value } = entries.next();
      expectSame(done === true ? undefined : value, expected, `entry ${i} of the walk`);
      if (expected === undefined) return;
      const last = expected[0];
      if (i < step.changes.length) this.#apply(tx, step.changes[i], model);
      expected = i + 1 < limit ? model.map(name)?.after(last, bounds) : undefined;
    }
  }

  #apply(tx: Transaction, change: Change, model: ModelDatabase): void {
    const { name, format } = this.#universe.maps[change.map];
    const map: TransactionMap<Key, unknown> = tx.map(name, { values: format });
    const { keys, sizes } = this.#universe;
    if (change.kind === "put") map.put(keys[change.key], valueFor(format, sizes[change.size], change.seed));
    else if (change.kind === "delete") map.delete(keys[change.key]);
    else if (change.kind === "clear") map.clear(change.range);
    else for (const { key, value } of this.#many(change)) value === undefined ? map.delete(key) : map.put(key, value);
    this.#changeModel(change, model);
  }

  #changeModel(change: Change, model: ModelDatabase): void {
    const { name, format } = this.#universe.maps[change.map];
    const { keys, sizes } = this.#universe;
    if (change.kind === "put") {
      model.writable(name, format).put(keys[change.key], valueFor(format, sizes[change.size], change.seed));
    } else if (change.kind === "delete") model.map(name)?.delete(keys[change.key]);
    else if (change.kind === "clear") model.map(name)?.clear(change.range);
    else {
      for (const { key, value } of this.#many(change)) {
        if (value === undefined) model.map(name)?.delete(key);
        else model.writable(name, format).put(key, value);
      }
    }
  }

  /** The puts of a fill, up or down, or the deletes of a thinning. */
  *#many(change: Extract<Change, { kind: "fill" | "thin" }>): Generator<{ key: Key; value: unknown }> {
    const { keys, sizes, maps } = this.#universe;
    const direction = change.from <= change.to ? 1 : -1;
    const stride = change.kind === "thin" ? change.step : 1;
    for (let i = change.from; direction > 0 ? i <= change.to : i >= change.to; i += direction * stride) {
      const value = change.kind === "fill" ? valueFor(maps[change.map].format, sizes[change.size], i % 256) : undefined;
      yield { key: keys[i], value };
    }
  }

  #ask(question: Question, source: MapSource, model: ModelDatabase): void {
    const { name } = this.#universe.maps[question.map];
    const map = source.map(name);
    const expected = model.map(name);
    if (question.kind === "count") {
      const entries = expected?.range(question.range) ?? [];
      expectSame(map.count(question.range), entries.length, "count");
      return;
    }
    if (question.kind === "scan") {
      const entries = expected?.range(question.range) ?? [];
      const parts = { range: entries, keys: entries.map(([key]) => key), values: entries.map(([, value]) => value) };
      expectSame([...map[question.part](question.range)], parts[question.part], question.part);
      return;
    }
    const key = this.#universe.keys[question.key];
    const value = expected?.get(key);
    expectSame(map.get(key), value, "get");
    expectSame(map.has(key), value !== undefined, "has");
    const bytes = map.getBytes(key);
    expectSame(bytes !== undefined, value !== undefined, "getBytes");
    if (value instanceof Uint8Array) expectSame(bytes, value, "getBytes");
    expectSame(
      map.view(key, (seen) => new Uint8Array(seen)),
      bytes,
      "view",
    );
  }

  /** Also inside a transaction: it sees what is committed. */
  #openSnapshot(): void {
    this.#snapshots.push({ snapshot: this.#db.snapshot(), model: this.#model.copy() });
  }

  #openIteration(mapIndex: number, range: Range): void {
    const { name } = this.#universe.maps[mapIndex];
    const entries = this.#db.map(name).range(range);
    this.#iterations.push({ entries, expected: this.#model.map(name)?.range(range) ?? [], at: 0 });
  }

  #recheck(which: number): void {
    if (this.#snapshots.length === 0) return;
    const { snapshot, model } = this.#snapshots[which % this.#snapshots.length];
    expectState(snapshot, model, this.#names, `in the snapshot of ${snapshot.tx}`);
    expectSame(snapshot.mapNames(), model.names, "names in a snapshot");
  }

  #advance(which: number, count: number): void {
    if (this.#iterations.length === 0) return;
    const iteration = this.#iterations[which % this.#iterations.length];
    for (let i = 0; i < count; i++, iteration.at++) {
      const { done, value } = iteration.entries.next();
      expectSame(done === true ? undefined : value, iteration.expected[iteration.at], "an iteration begun before");
      if (done === true) return;
    }
  }

  #recheckAll(): void {
    expectState(this.#db, this.#model, this.#names, "at the end");
    expectSame(this.#db.mapNames(), this.#model.names, "map names");
    for (let i = 0; i < this.#snapshots.length; i++) this.#recheck(i);
    for (let i = 0; i < this.#iterations.length; i++) this.#advance(i, 1e6);
  }

  async #reopen(): Promise<void> {
    this.#recheckAll();
    this.#snapshots.length = 0;
    this.#iterations.length = 0;
    await this.#db.close();
    this.#db = open(this.#path, this.#options);
    expectSame(this.#db.recovered, UNHARMED, "what reopening had to do");
    expectState(this.#db, this.#model, this.#names, "after reopening");
  }

  async #backup(compact: boolean): Promise<void> {
    const path = `${this.#path}.backup${++this.#backups}`;
    const model = this.#model.copy();
    await this.#db.backup(path, { compact });
    const copy = open(path, { ...this.#options, create: false });
    try {
      expectClean(copy);
      expectSame(copy.recovered, UNHARMED, "what opening the backup had to do");
      expectState(copy, model, this.#names, compact ? "in the compact backup" : "in the backup");
      const { name, format } = this.#universe.maps[0];
      copy.map(name, { values: format }).putSync("after", valueFor(format, 8, 1));
      expectClean(copy);
    } finally {
      copy.closeSync();
    }
    this.#storage.unlink(path);
  }
}
