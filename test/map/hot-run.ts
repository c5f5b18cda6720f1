/**
 * Runs of random steps on a database whose keys are all read again after each step, so that its hash index holds hints
 * of every age. Guarantees: what a read finds is what JavaScript Maps beside it say; after each step no frame is marked
 * as a leaf that it is not; all that a step needs is in its numbers, so that a failing run shrinks.
 */
import fc from "fast-check";
import { cellAt, nodeCount } from "../../btree/node.js";
import type { Tree } from "../../btree/tree.js";
import type { Engine } from "../../engine/engine.js";
import type { MapReader } from "../../engine/map-reader.js";
import { TransactionMap } from "../../engine/transaction-map.js";
import type { WriteTransaction } from "../../engine/write-transaction.js";
import { type Database, type Key, type OpenOptions, open, type Snapshot } from "../../index.js";
import { pointerCrc, pointerPage } from "../../pager/page-pointer.js";
import type { PageReader } from "../../pager/page-reader.js";
import { engineOf } from "../engine-of.js";
import { expectClean, expectSame, valueFor } from "../harness/index.js";

const NAMES = ["a", "b", "c"];
const SIZES = [0, 1, 5, 40, 300, 900, 5000];
/** So many commits go by before a checkpoint that nobody asked for. */
const QUIET_BYTES = 64 * 1024 * 1024;

const WRITES = ["put", "delete", "fill", "thin", "clear", "drop", "again"] as const;
const INNER = [...WRITES, "put", "put", "nest", "fail", "snapshot", "read"] as const;
const OUTER = [...WRITES, "put", "put", "put", "commit", "commit", "abort", "view", "hold"] as const;
const RARE = ["snapshot", "release", "checkpoint", "compact", "reopen", "follow"] as const;

/** One thing to do; `from`, `to` and `size` are places in the lists of keys and sizes. */
interface Act<Kind> {
  readonly kind: Kind;
  readonly map: number;
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly seed: number;
}

export type HotStep = Act<(typeof OUTER)[number] | (typeof RARE)[number]> & {
  readonly inner: readonly Act<(typeof INNER)[number]>[];
};

/** What a map should hold: bytes by the place of their key. */
type Model = Map<string, Map<number, Uint8Array>>;

/** Whatever has maps. */
interface Source {
  map(name: string): MapReader<Key, unknown>;
}

export function hotSteps(keys: number, maxLength: number): fc.Arbitrary<HotStep[]> {
  const place = fc.nat(keys - 1);
  const rest = {
    map: fc.nat(NAMES.length - 1),
    from: place,
    to: place,
    size: fc.nat(SIZES.length - 1),
    seed: fc.nat(255),
  };
  const inner = fc.array(fc.record({ kind: fc.constantFrom(...INNER), ...rest }), { maxLength: 6 });
  const kind = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...OUTER) },
    { weight: 1, arbitrary: fc.constantFrom(...RARE) },
  );
  return fc.array(fc.record({ kind, ...rest, inner }), { maxLength, size: "max" });
}

/** Thrown to roll back. */
class Rollback extends Error {}

export class HotRun {
  /** Reads of keys that were there, from trees with branches, and how many of them needed no descent. */
  reads = 0;
  hits = 0;
  readonly #keys: readonly Key[];
  readonly #path: string;
  readonly #options: OpenOptions;
  readonly #snapshots: { snapshot: Snapshot; model: Model }[] = [];
  #db: Database;
  #reader: Database | null = null;
  #model: Model = new Map();
  #turn = 0;

  constructor(keys: readonly Key[], path: string, options: OpenOptions) {
    this.#keys = keys;
    this.#path = path;
    this.#options = { checkpointBytes: QUIET_BYTES, ...options };
    this.#db = open(path, this.#options);
  }

  async run(steps: readonly HotStep[]): Promise<void> {
    try {
      // Large enough for branches, so that hits can be told from descents.
      this.#db.transactionSync((tx) => {
        for (const name of NAMES) {
          const map = tx.map<Key, unknown>(name, { values: "bytes" });
          for (const [i, key] of this.#keys.entries())
            map.put(key, this.#put(this.#model, name, i, i % SIZES.length, i));
        }
      });
      for (const step of steps) {
        await this.#step(step);
        // Not always all of them, so that hints may become old.
        if (step.seed % 3 > 0) this.#readAll(this.#db, this.#model, "after a step");
        else this.#readSome(this.#db, this.#model, step.to);
        expectSame(strayMarks(this.#engine), [], "marks");
        this.#expectSmall();
        for (const { snapshot, model } of this.#snapshots) this.#readSome(snapshot, model, step.from);
      }
      this.#readAll(this.#db, this.#model, "at the end");
      for (const { snapshot, model } of this.#snapshots) this.#readAll(snapshot, model, "in a snapshot");
      expectClean(this.#db);
    } finally {
      this.#reader?.closeSync();
      this.#db.closeSync();
    }
  }

  get #engine(): Engine {
    return engineOf(this.#db);
  }

  async #step(step: HotStep): Promise<void> {
    const { kind } = step;
    if (kind === "commit" || kind === "abort") this.#transaction(step, kind === "abort");
    else if (kind === "view") this.#viewAndWrite(step);
    else if (kind === "hold") this.#hold(step);
    else if (kind === "snapshot") this.#openSnapshot();
    else if (kind === "release") this.#snapshots.shift()?.snapshot.close();
    else if (kind === "checkpoint") await this.#db.checkpoint();
    else if (kind === "compact") await this.#db.compact();
    else if (kind === "reopen") this.#reopen();
    else if (kind === "follow") this.#follow();
    else this.#transaction({ ...step, inner: [{ ...step, kind }] }, false);
  }

  #transaction(step: HotStep, fails: boolean): void {
    const model = copyOf(this.#model);
    try {
      this.#engine.runBlocking((tx) => {
        this.#actAll(tx, step.inner, model);
        // Outside of it the committed state is read, and its keys are noted, while the transaction has its own pages.
        this.#readSome(this.#db, this.#model, step.from);
        if (fails) throw new Rollback();
      }, this.#options.durability ?? "durable");
      this.#model = model;
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
    }
  }

  #actAll(tx: WriteTransaction, acts: HotStep["inner"], model: Model): void {
    for (const [i, act] of acts.entries()) {
      if (act.kind === "nest" || act.kind === "fail") {
        // What follows happens inside of a savepoint.
        this.#nest(tx, acts.slice(i + 1), act.kind === "fail", model);
        return;
      }
      if (act.kind === "snapshot") this.#openSnapshot();
      else if (act.kind === "read") this.#readAll(this.#db, this.#model, "outside of a transaction");
      else this.#write(tx, { ...act, kind: act.kind }, model);
    }
  }

  #nest(tx: WriteTransaction, acts: HotStep["inner"], fails: boolean, model: Model): void {
    const before = copyOf(model);
    try {
      tx.nest((inner) => {
        this.#actAll(inner, acts, model);
        if (fails) throw new Rollback();
      });
    } catch (error) {
      if (!(error instanceof Rollback)) throw error;
      model.clear();
      for (const [name, entries] of before) model.set(name, entries);
    }
  }

  #write(tx: WriteTransaction, act: Act<(typeof WRITES)[number]>, model: Model): void {
    const { kind, from, to, size, seed } = act;
    const name = NAMES[act.map];
    if (kind === "drop" || kind === "again") {
      tx.drop(name);
      model.delete(name);
      if (kind === "drop") return;
    }
    const map = new TransactionMap<Key, unknown>(tx, name, { values: "bytes" });
    const [low, high] = kind === "put" || kind === "delete" ? [from, from] : [Math.min(from, to), Math.max(from, to)];
    if (kind === "clear") map.clear({ gte: this.#keys[low], lte: this.#keys[high] });
    for (let i = low; i <= high; i += kind === "thin" ? 1 + (seed % 3) : 1) {
      if (kind === "put" || kind === "fill" || kind === "again") {
        map.put(this.#keys[i], this.#put(model, name, i, size, seed));
      } else {
        if (kind !== "clear") map.delete(this.#keys[i]);
        model.get(name)?.delete(i);
      }
    }
  }

  /** The value to put, which the model has from here on. */
  #put(model: Model, name: string, place: number, size: number, seed: number): Uint8Array {
    const value = valueFor("bytes", SIZES[size], seed + place);
    if (!(value instanceof Uint8Array)) throw new Error("values are bytes");
    const entries = model.get(name) ?? new Map<number, Uint8Array>();
    model.set(name, entries.set(place, value));
    return value;
  }

  /** Changes a key while its page is looked at, and reads it there again. */
  #viewAndWrite(step: HotStep): void {
    const name = NAMES[step.map];
    const key = this.#keys[step.from];
    const map = this.#db.map<Key, Uint8Array>(name, { values: "bytes" });
    const before = this.#model.get(name)?.get(step.from);
    const seen = map.view(key, (bytes) => {
      map.putSync(key, this.#put(this.#model, name, step.from, step.size, step.seed));
      expectSame(map.getBytes(key), this.#model.get(name)?.get(step.from), "inside of view");
      return Uint8Array.from(bytes);
    });
    expectSame(seen, before, "what view shows");
  }

  /** Ranges that are being read see the state in which they began. */
  #hold(step: HotStep): void {
    const name = NAMES[step.map];
    const expected = this.#model.get(name)?.size ?? 0;
    const keys = this.#db.map(name).keys();
    keys.next();
    this.#transaction(step, false);
    this.#readSome(this.#db, this.#model, step.to);
    expectSame([...keys].length, Math.max(0, expected - 1), "keys of a range");
  }

  #expectSmall(): void {
    const { directory, store } = this.#engine.state;
    const bytes = directory.get(NAMES[0])?.tree.index?.bytes ?? 0;
    const most = (store.cache.maxFrames * store.pageSize) / 32;
    if (bytes > most) throw new Error(`the index takes ${bytes} bytes, more than ${most}`);
  }

  #openSnapshot(): void {
    if (this.#snapshots.length > 2) this.#snapshots.shift()?.snapshot.close();
    this.#snapshots.push({ snapshot: this.#db.snapshot(), model: copyOf(this.#model) });
  }

  #reopen(): void {
    for (const { snapshot } of this.#snapshots.splice(0)) snapshot.close();
    this.#db.closeSync();
    this.#db = open(this.#path, this.#options);
  }

  /** Reads with a handle beside the writer, which goes on from state to state. */
  #follow(): void {
    if (this.#options.durability === "buffered") return;
    // A reader beside a writer cannot be mapped.
    const options: OpenOptions = { ...this.#options, pageSource: "pread", readOnly: true };
    if (this.#reader === null) this.#reader = open(this.#path, options);
    else this.#reader.refresh();
    this.#readAll(this.#reader, this.#model, "beside the writer");
    expectSame(strayMarks(engineOf(this.#reader)), [], "marks beside the writer");
  }

  #readAll(source: Source, model: Model, where: string): void {
    for (const name of NAMES) for (let i = 0; i < this.#keys.length; i++) this.#read(source, model, name, i, where);
  }

  #readSome(source: Source, model: Model, around: number): void {
    const from = Math.max(0, around - 8);
    const to = Math.min(this.#keys.length, around + 8);
    for (const name of NAMES) for (let i = from; i < to; i++) this.#read(source, model, name, i, "somewhere");
  }

  #read(source: Source, model: Model, name: string, place: number, where: string): void {
    const expected = model.get(name)?.get(place);
    const key = this.#keys[place];
    const map = this.#mapOf(source, name);
    const { cache } = this.#engine.state.store;
    const before = cache.fetches;
    switch (this.#turn++ & 3) {
      case 0:
        if (map.has(key) !== (expected !== undefined)) throw new Error(`${where}: has(${place}) of ${name} is wrong`);
        break;
      case 1:
        this.#expectBytes(map.get(key), expected, `${where}: get(${place}) of ${name}`);
        break;
      case 2:
        map.view(key, (bytes) => this.#expectBytes(bytes, expected, `${where}: view(${place}) of ${name}`));
        break;
      default:
        this.#expectBytes(map.getBytes(key), expected, `${where}: getBytes(${place}) of ${name}`);
    }
    const depth = source === this.#db ? (this.#engine.state.directory.get(name)?.tree.depth ?? 0) : 0;
    if (expected === undefined || depth < 2) return;
    this.reads++;
    if (cache.fetches - before === 1) this.hits++;
  }

  readonly #maps = new WeakMap<Source, Map<string, MapReader<Key, unknown>>>();

  #mapOf(source: Source, name: string): MapReader<Key, unknown> {
    const maps = this.#maps.get(source) ?? new Map<string, MapReader<Key, unknown>>();
    this.#maps.set(source, maps);
    const map = maps.get(name) ?? source.map(name);
    maps.set(name, map);
    return map;
  }

  #expectBytes(actual: unknown, expected: Uint8Array | undefined, where: string): void {
    if (actual === expected) return;
    if (actual instanceof Uint8Array && expected !== undefined && Buffer.compare(actual, expected) === 0) return;
    expectSame(actual, expected, where);
  }
}

function copyOf(model: Model): Model {
  return new Map(Array.from(model, ([name, entries]) => [name, new Map(entries)]));
}

/** Frames that are marked as leaves of a tree, and are not among those of its newest committed version. */
export function strayMarks({ state }: Engine): string[] {
  const { store, directory } = state;
  const { cache } = store;
  const leaves = new Map<number, Set<number>>();
  for (const name of directory.names()) {
    const tree = directory.get(name)?.tree;
    if (tree !== undefined) leaves.set(tree.id, new Set(leavesOf(tree, directory.reader)));
  }
  const stray: string[] = [];
  for (let frame = 0; frame < cache.maxFrames; frame++) {
    const tree = cache.leafOf[frame];
    if (tree === 0) continue;
    const page = cache.pageOf[frame];
    if (page === 0 || cache.table.get(page) !== frame) stray.push(`frame ${frame} holds no page of use`);
    else if (!leaves.get(tree)?.has(page)) stray.push(`page ${page} is no leaf of tree ${tree}`);
  }
  return stray;
}

function* leavesOf(tree: Tree, reader: PageReader): Generator<number> {
  const { cache } = reader;
  let pages = tree.depth === 0 ? [] : [{ page: tree.root.page, crc: tree.root.crc }];
  for (let level = tree.depth - 1; level > 0; level--) {
    pages = pages.flatMap(({ page, crc }) => {
      const frame = reader.fetch(page, crc);
      const views = cache.views(frame);
      const cells = Array.from({ length: nodeCount(views, cache.base(frame)) }, (_, slot) =>
        cellAt(views, cache.base(frame), slot),
      );
      return cells.map((cell) => ({ page: pointerPage(views, cell), crc: pointerCrc(views, cell) }));
    });
  }
  for (const { page } of pages) yield page;
}
