/**
 * A file from elsewhere: what stands in it of modules is not believed. Code is what its hash says, imports are what was
 * granted, attachments have their shape, and limits are at most those of the process that opened it.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CODE } from "../../catalog/module-catalog.js";
import { openAs } from "../../engine/open.js";
import type { OpenOptions } from "../../engine/options.js";
import { TransactionMap } from "../../engine/transaction-map.js";
import type { WriteTransaction } from "../../engine/write-transaction.js";
import { LlmdbError, openMemory } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { TransactionStore } from "../../temporal/store.js";
import { SYSTEM_PARTITION } from "../../temporal/stored-key.js";
import { Database } from "../../wasm/database.js";
import { effort } from "../effort.js";
import { assemble } from "./metered.js";
import { answering, codeOf, exampleModule, GET, moduleText } from "./module-text.js";

/** A database that is written past its checks, as the maker of a file can. */
class Forged extends Database {
  /** Stores a fact of the catalog as it is. */
  fact(key: string[], value: unknown): void {
    this.forge((transaction) => new TransactionStore(transaction, SYSTEM_PARTITION).put(key, value));
  }

  forget(key: string[]): void {
    this.forge((transaction) => new TransactionStore(transaction, SYSTEM_PARTITION).delete(key));
  }

  code(hash: string, bytes: Uint8Array): void {
    this.forge((transaction) => {
      new TransactionMap<string, Uint8Array>(transaction, CODE, { values: "bytes" }).put(hash, bytes);
    });
  }

  forge(body: (transaction: WriteTransaction) => void): void {
    this.engine.watcher = null;
    this.engine.runBlocking(body, "buffered");
  }
}

type Disk = ReturnType<typeof memoryStorage>;

function openOn(storage: Disk, options: OpenOptions = {}): Forged {
  return openAs(Forged, "/db", { pageSize: 4096, storage, ...options });
}

/** A file that someone made. */
async function made(body: (db: Forged) => Promise<void>): Promise<Disk> {
  const disk = memoryStorage();
  const db = openOn(disk);
  await db.map("m").put(1, 1);
  await body(db);
  await db.close();
  return disk;
}

/** A module that answers a number, so that it can be told from another. */
const answer = (number: number) => assemble(moduleText({ reduce_pages: answering(Uint8Array.of(number)) }));
const FOREVER = moduleText({ tx_hook: "(loop $l (br $l)) unreachable" });
const hook = { on: "tx_hook", writes: ["w"], reads: ["r"] } as const;

test("code under a wrong hash is not run, and poisons no other database", async () => {
  let hash = "";
  const forged = await made(async (db) => {
    ({ hash } = await db.modules.put(answer(1), { name: "x" }));
    db.code(hash, answer(2));
  });
  const db = openOn(forged);
  expect(await codeOf(() => db.modules.reducePages("x", { map: "m" }))).toBe("LLMDB_CORRUPT");
  expect(await codeOf(() => db.modules.explain("x"))).toBe("LLMDB_CORRUPT");
  const problems = [{ map: CODE, what: expect.stringContaining("another one") }];
  expect(db.verify()).toMatchObject({ ok: false, problems });
  expect(await db.verifyAsync()).toMatchObject({ ok: false, problems });
  await db.close();
  // The genuine one, in the same process.
  const other = openMemory();
  await other.map("m").put(1, 1);
  await other.modules.put(answer(1), { name: "x" });
  expect([...(await other.modules.reducePages("x", { map: "m" })).value]).toEqual([1]);
  expect(other.verify().ok).toBe(true);
  await other.close();
});

test("code that is gone, and a module that is attached and was never put", async () => {
  let hash = "";
  const forged = await made(async (db) => {
    ({ hash } = await db.modules.put(FOREVER, { name: "x" }));
    await db.modules.attach("x", "m", hook);
    db.forget(["module", hash]);
  });
  const db = openOn(forged);
  expect(await codeOf(() => db.map("m").put(2, 2))).toBe("LLMDB_CORRUPT");
  expect(await codeOf(() => db.map("other").put(2, 2))).toBe(undefined);
  expect(db.verify()).toMatchObject({
    ok: false,
    problems: [{ what: expect.stringContaining("not there to be used") }],
  });
  await db.close();
});

test("imports are compared with what was granted at every load", async () => {
  const text = moduleText(
    { reduce_pages: "(call $get (i32.const 0) (i32.const 1) (i32.const 64) (i32.const 8))", tx_hook: "(i32.const 0)" },
    { imports: GET },
  );
  let hash = "";
  const forged = await made(async (db) => {
    const { tx, time, ...fact } = await db.modules.put(text, { name: "x", capabilities: ["get"] });
    ({ hash } = fact);
    await db.modules.attach("x", "m", hook);
    db.fact(["module", hash], { ...fact, capabilities: ["log"] });
  });
  const db = openOn(forged);
  expect(await codeOf(() => db.modules.reducePages("x", { map: "m" }))).toBe("LLMDB_WASM_REFUSED");
  expect(await codeOf(() => db.map("m").put(2, 2))).toBe("LLMDB_WASM_REFUSED");
  expect(await codeOf(() => db.modules.attach("x", "n", hook))).toBe("LLMDB_WASM_REFUSED");
  expect(db.verify()).toMatchObject({ ok: false, problems: [{ what: expect.stringContaining("not granted") }] });
  await db.close();
});

test("limits of a file are at most those of the process", async () => {
  const forged = await made(async (db) => {
    await db.modules.put(FOREVER, { name: "x" });
    await db.modules.attach("x", "m", { ...hook, fuel: 2 ** 50, timeoutMs: 2 ** 31 - 1 });
  });
  const bounded: [OpenOptions["modules"], string | undefined][] = [
    [undefined, "LLMDB_WASM_TIME"],
    [{}, "LLMDB_WASM_TIME"],
    [{ maxTimeoutMs: 20 }, "LLMDB_WASM_TIME"],
    [{ maxFuel: 1_000_000, maxTimeoutMs: 60_000 }, "LLMDB_WASM_FUEL"],
    [false, "LLMDB_WASM_REFUSED"],
  ];
  for (const [modules, code] of bounded) {
    const db = openOn(forged, { ...(modules !== undefined && { modules }) });
    expect(await codeOf(() => db.map("m").put(2, 2))).toBe(code);
    expect(await codeOf(() => db.map("other").put(2, 2))).toBe(undefined);
    await db.close();
  }
});

test("with modules: false nothing runs, and what is attached can be taken away", async () => {
  const forged = await made(async (db) => {
    await db.modules.put(exampleModule("by-field-as"), { name: "x" });
    await db.modules.attach("x", "m", { on: "custom_index", name: "i", arg: Buffer.from("a") });
    await db.modules.put(exampleModule("count-records"), { name: "count" });
  });
  const db = openOn(forged, { modules: false });
  const { modules } = db;
  expect(await codeOf(() => modules.reducePages("count", { map: "m" }))).toBe("LLMDB_WASM_REFUSED");
  expect(await codeOf(() => modules.attach("x", "n", { on: "custom_index", name: "j" }))).toBe("LLMDB_WASM_REFUSED");
  expect(await codeOf(() => modules.index("i").rebuild())).toBe("LLMDB_WASM_REFUSED");
  expect(await codeOf(() => db.map("m").put(1, { a: 1 }))).toBe("LLMDB_WASM_REFUSED");
  expect(modules.list()).toHaveLength(2);
  expect(modules.explain("count").accepted).toBe(true);
  await modules.detach("x", "m", { on: "custom_index", name: "i" });
  await db.map("m").put(1, { a: 1 });
  await db.close();
});

test("what a process allows holds for its own calls, too", async () => {
  const db = openMemory({ modules: { maxTimeoutMs: 500, maxFuel: 300_000 } });
  await db.map("m").put(1, 1);
  await db.modules.put(answer(1), { name: "x" });
  const call = (options: object) => codeOf(() => db.modules.reducePages("x", { map: "m" }, options));
  expect(await call({})).toBe(undefined);
  expect(await call({ timeoutMs: 501 })).toBe("LLMDB_INVALID_ARGUMENT");
  expect(await call({ fuel: 300_001 })).toBe("LLMDB_INVALID_ARGUMENT");
  await db.close();
});

test.for([true, null, [], { maxFuel: 0 }, { maxTimeoutMs: 1.5 }, { maxTimeoutMs: "1" }, { most: 1 }])(
  "modules: %j is refused",
  (modules) => {
    expect(() => Reflect.apply(openMemory, undefined, [{ modules }])).toThrow(
      expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }),
    );
  },
);

/** Anything that a field could hold. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, Number.NaN, -1, 0, 0.5, 2 ** 60, 10n, "", "x", "_meta/code", [], {}),
  fc.constantFrom<unknown>(["_meta/code"], ["x", 1], Array(100).fill("x"), "custom_index", "tx_hook", new Date(0)),
  fc.uint8Array({ maxLength: 8 }),
  fc.string({ maxLength: 300 }),
);

test("whatever stands in facts of modules and attachments, errors have a code", { timeout: 120_000 }, async () => {
  const hookModule = assemble(
    moduleText({ tx_hook: "(i32.const 0)", custom_index: "(i32.const 0)", map_pages: "(i32.const 0)" }),
  );
  const fields = ["on", "module", "map", "name", "writes", "reads", "arg", "fuel", "timeoutMs", "memoryBytes"];
  const moduleFields = ["hash", "name", "capabilities", "bytes", "calls", "revoked"];
  const change = fc.tuple(fc.constantFrom(...fields), anything);
  const moduleChange = fc.tuple(fc.constantFrom(...moduleFields), anything);
  const changes = fc.record({
    kind: fc.constantFrom("tx_hook", "custom_index"),
    whole: fc.option(anything, { freq: 8 }),
    attachment: fc.array(change, { maxLength: 2 }),
    module: fc.option(fc.array(moduleChange, { maxLength: 2 }), { freq: 3 }),
  });
  const codes = new Map<string, number>();
  const attempt = async (body: () => unknown): Promise<void> => {
    try {
      await body();
    } catch (error) {
      if (!(error instanceof LlmdbError)) throw error;
      codes.set(error.code, (codes.get(error.code) ?? 0) + 1);
    }
  };
  await fc.assert(
    fc.asyncProperty(changes, async ({ kind, whole, attachment, module }) => {
      const disk = memoryStorage();
      const forged = openOn(disk);
      const { tx, time, ...fact } = await forged.modules.put(hookModule, { name: "x" });
      const { hash } = fact;
      const isHook = kind === "tx_hook";
      const options = isHook ? hook : ({ on: "custom_index", name: "i" } as const);
      await forged.modules.attach(hash, "m", options);
      const [{ tx: _, time: __, ...stored }] = forged.modules.attachments();
      const key = ["attachment", kind, "m", isHook ? hash : "i"];
      const without = Object.entries({ ...stored, ...Object.fromEntries(attachment) }).filter(
        ([, v]) => v !== undefined,
      );
      forged.fact(key, whole ?? Object.fromEntries(without));
      if (module !== null) {
        const entries = Object.entries({ ...fact, ...Object.fromEntries(module) }).filter(([, v]) => v !== undefined);
        forged.fact(["module", hash], Object.fromEntries(entries));
      }
      await forged.close();
      const db = openOn(disk);
      await attempt(() => db.map("m").put(1, { a: 1 }));
      await attempt(() => db.map("w").put(1, 1));
      await attempt(() => db.modules.list());
      await attempt(() => db.modules.history(hash));
      await attempt(() => db.modules.attachments());
      await attempt(() => db.modules.explain("x"));
      await attempt(() => db.modules.mapPages("x", { map: "m" }).bytes());
      await attempt(() => [...db.modules.index("i").range()]);
      await attempt(() => db.modules.index("i").rebuild());
      await attempt(() => db.verify());
      await attempt(() => db.modules.revoke(hash));
      await attempt(() => db.modules.detach(hash, "m", isHook ? { on: "tx_hook" } : { on: "custom_index", name: "i" }));
      await attempt(() => db.close());
    }),
    { numRuns: effort(15) },
  );
  console.log([...codes].map((entry) => entry.join(" ")).join(", "));
  expect(codes.get("LLMDB_CORRUPT")).toBeGreaterThan(1);
});
