/**
 * Everything that a database is asked and told, one call after the other, on a file that may lie. Guarantees: each call
 * gives a value or a typed error; any other error, a call that takes more than a second of processor time, and a
 * changed prototype is a problem.
 */
import type { Database, Storage } from "../../index.js";
import { LlmdbError, open } from "../../index.js";
import { LlmdbLevel } from "../../level/index.js";
import { Memory } from "../../memory/index.js";
import { SAMPLE_PATH } from "./sample.js";

const MAX_CPU_MS = 1000;
const MOST_ENTRIES = 100_000;

/** What became of the calls. */
export interface UseOutcome {
  readonly opened: boolean;
  readonly values: number;
  readonly typedErrors: number;
  readonly problems: string[];
}

export type Use = (db: Database, memory: Memory) => unknown;

const uses: Record<string, Use> = {
  stats: (db) => db.stats(),
  mapNames: (db) => db.mapNames(),
  "rows forward": (db) => take(db.map("rows").range()),
  "rows backward": (db) => take(db.map("rows").range({ reverse: true })),
  "rows with offset": (db) => take(db.map("rows").range({ offset: 100, limit: 20 })),
  "rows by prefix": (db) => take(db.map("rows").range({ prefix: ["row"] })),
  "rows count": (db) => db.map("rows").count({ gte: ["row", 20] }),
  "row get": (db) => db.map("rows").get(["row", 11]),
  "row view": (db) => db.map("rows").view(["row", 13], (bytes) => bytes.length),
  text: (db) => take(db.map("text").range()),
  json: (db) => take(db.map("json").range()),
  bytes: (db) => take(db.map("bytes").range()),
  "bytes get": (db) => db.map("bytes").getBytes(20),
  "new maps": (db) => db.mapNames().map((name) => db.map(name).count()),
  "all maps": (db) => db.mapNames().map((name) => take(db.map(name).range())),
  facts: (db) => take(db.range()),
  "facts of then": (db) => take(db.range({}, { validAt: 1e12 + 1.5e9 })),
  "fact get": (db) => db.get(["fact", 5]),
  "fact versions": (db) => db.versions(["fact", 3]),
  "fact version": (db) => db.version(["fact", 4]),
  "fact of a partition": (db) => take(db.partition(7).range()),
  diff: (db) => take(db.diff({ tx: 3 }, { tx: 12 })),
  "as of": (db) => take(db.asOf({ tx: 8 }).range()),
  transactions: (db) => take(db.transactions()),
  "known keys": (db) => take(db.knownKeys()),
  recall: (_db, memory) => memory.recall("who likes snow in turin", { limit: 20 }),
  "recall any": (_db, memory) => memory.recall("compiler engine", { validity: "any", tags: ["t"] }),
  "recall of then": (_db, memory) => memory.recall("ada knows", { tx: 25 }),
  "recall unspaced": (_db, memory) => memory.recall("日本 música"),
  "list facts": (_db, memory) => memory.list({ kind: "fact", below: true }),
  "list turns": (_db, memory) => memory.list({ kind: "turn", session: "session" }),
  "record history": (_db, memory) => memory.history("long"),
  explain: (_db, memory) => memory.explain("long"),
  "record diff": (_db, memory) => take(memory.diff({ tx: 20 }, { tx: 50 })),
  "memory transactions": (_db, memory) => take(memory.transactions()),
  graph: (_db, memory) => memory.graph.read(),
  "scope recall": (_db, memory) => memory.within("team/a").recall("team"),
  "modules list": (db) => [db.modules.list(), db.modules.attachments(), db.modules.history("by-field")],
  "module explain": (db) => db.modules.explain("count-keys"),
  "module pages": (db) => drain(db.modules.mapPages("count-keys", { map: "rows" }, { timeoutMs: 800 })),
  "module index": (db) => take(db.modules.index("by-amount").range()),
  verify: (db) => db.verify(),
  remember: (_db, memory) => memory.remember({ subject: "ada", predicate: "likes", object: "what is new in turin" }),
  "remember again": (_db, memory) => memory.remember({ id: "long", text: "A statement, corrected, about snow." }),
  "forget and erase": (_db, memory) => memory.forget("long", { erase: true }),
  "add turn": (_db, memory) => memory.addTurn("session", { role: "user", text: "one more about rivers" }),
  undo: (db, memory) => memory.undo(db.stats().lastTx),
  "put with hook": (db) => db.map("payments").put(["ada", "river"], { amount: 12 }),
  "delete with hook": (db) => db.map("payments").delete(["bob", "engine"]),
  "put large": (db) => db.map("bytes").put(3, new Uint8Array(9000)),
  "put rows": (db) => db.transaction((tx) => tx.map("rows").put(["row", 4], 1)),
  "clear rows": (db) => db.map("rows").clear({ gte: ["row", 30], lt: ["row", 200] }),
  "put fact": (db) => db.put(["fact", 5], { now: true }),
  "update facts": (db) => db.patch(["fact", 6], { patched: true }, { validFrom: 1e12 }),
  "erase fact": (db) => db.erase(["fact", 7]),
  checkpoint: (db) => db.checkpoint(),
  "forget history": (db) => db.forgetHistory({ before: db.stats().lastTx > 0 ? 1.2e12 : 0 }),
  backup: (db) => db.backup("copy.llmdb", { compact: true }),
  "drop map": (db) => db.dropMap("json"),
  compact: (db) => db.compact(),
  "verify again": (db) => db.verify(),
};

export const USES = Object.keys(uses).length;

/** Opens what is in the storage and makes all calls. `told` hears what is about to be called. */
export async function useDatabase(
  storage: Storage,
  told: (use: string) => void,
  calls: Readonly<Record<string, Use>> = uses,
): Promise<UseOutcome> {
  const trial = new UseTrial(told);
  const db = await trial.call("open", () => open(SAMPLE_PATH, { storage, create: false, cacheBytes: 2 * 1024 * 1024 }));
  if (db === undefined) return trial.outcome(false);
  const memory = await trial.call("memory", () => new Memory(db));
  for (const [name, use] of Object.entries(calls)) {
    if (memory === undefined && use.length > 1) continue;
    await trial.call(name, () => use(db, memory ?? new Memory(db)));
  }
  await trial.call("close", () => db.close());
  await trial.call("level", () => useLevel(storage));
  return trial.outcome(true);
}

class UseTrial {
  readonly #told: (use: string) => void;
  readonly #problems: string[] = [];
  #values = 0;
  #typedErrors = 0;

  constructor(told: (use: string) => void) {
    this.#told = told;
  }

  outcome(opened: boolean): UseOutcome {
    if ("polluted" in {} || Object.keys(Object.prototype).length > 0) this.#problems.push("the prototype was changed");
    return { opened, values: this.#values, typedErrors: this.#typedErrors, problems: this.#problems };
  }

  async call<T>(name: string, use: () => T | Promise<T>): Promise<T | undefined> {
    this.#told(name);
    const before = process.cpuUsage();
    try {
      const value = await use();
      this.#values++;
      return value;
    } catch (error) {
      if (isTyped(error)) this.#typedErrors++;
      else this.#problems.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`);
      return undefined;
    } finally {
      const { user, system } = process.cpuUsage(before);
      const cpuMs = Math.round((user + system) / 1000);
      if (cpuMs > MAX_CPU_MS) this.#problems.push(`${name}: took ${cpuMs} ms`);
    }
  }
}

/** An error of abstract-level carries ours. */
function isTyped(error: unknown): boolean {
  if (error instanceof LlmdbError) return true;
  return error instanceof Error && "code" in error && String(error.code).startsWith("LEVEL_") && isTyped(error.cause);
}

function take(items: Iterable<unknown>): number {
  let count = 0;
  for (const _ of items) if (++count > MOST_ENTRIES) throw new Error("it goes on and on");
  return count;
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

async function useLevel(storage: Storage): Promise<void> {
  const level = new LlmdbLevel<string, string>(SAMPLE_PATH, { storage, map: "level", createIfMissing: false });
  try {
    await level.open();
    await level.get("level 3");
    for await (const _ of level.iterator({ gte: "level 1", reverse: true }));
    await level.put("level 4", "more");
  } finally {
    await level.close();
  }
}
