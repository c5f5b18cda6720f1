/**
 * Hooks in transactions: what they derive against a model, through savepoints, clears and drops; in which order they
 * write, what they see, and how many changes they take.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Database, Transaction } from "../../index.js";
import { effort } from "../effort.js";
import { expectClean } from "../harness/index.js";
import { openFresh } from "../map/fresh.js";
import { attach, furnished } from "./hooked.js";
import {
  answering,
  CLOCK,
  codeOf,
  derivedWrite,
  exampleModule,
  GET,
  GET_FROM,
  keyBytes,
  LOG,
  moduleText,
} from "./module-text.js";

type Edge = [string, number];
const MAP = "edges";

interface Act {
  readonly kind: "put" | "delete" | "clear" | "clear range" | "nest" | "fail";
  readonly from: string;
  readonly to: number;
  readonly value: number;
  readonly inner: readonly Act[];
}

const plain = { from: fc.constantFrom("a", "b", "c", "a long name of a node"), to: fc.nat(5), value: fc.nat(3) };
const { act } = fc.letrec<{ act: Act }>((tie) => ({
  act: fc.oneof(
    { maxDepth: 3 },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constantFrom<Act["kind"][]>("put", "put", "put", "put", "delete", "clear", "clear range"),
        ...plain,
        inner: fc.constant<Act[]>([]),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom<Act["kind"][]>("nest", "fail"),
        ...plain,
        inner: fc.array(tie("act"), { maxLength: 6 }),
      }),
    },
  ),
}));

type Model = Map<string, { readonly edge: Edge; readonly value: number }>;

function restore(model: Model, before: Model): void {
  model.clear();
  for (const [id, entry] of before) model.set(id, entry);
}

function run(tx: Transaction, model: Model, acts: readonly Act[]): void {
  for (const { kind, from, to, value, inner } of acts) {
    const map = tx.map<Edge, number>(MAP);
    if (kind === "put") {
      map.put([from, to], value);
      model.set(`${from} ${to}`, { edge: [from, to], value });
    } else if (kind === "delete") {
      map.delete([from, to]);
      model.delete(`${from} ${to}`);
    } else if (kind === "clear") {
      map.clear();
      model.clear();
    } else if (kind === "clear range") {
      map.clear({ prefix: [from] });
      for (const [id, { edge }] of model) if (edge[0] === from) model.delete(id);
    } else {
      const before = new Map(model);
      const nested = () =>
        tx.transaction((below) => {
          run(below, model, inner);
          if (kind === "fail") throw new Error("taken back");
        });
      if (kind === "nest") nested();
      else expect(nested).toThrow("taken back");
      if (kind === "fail") restore(model, before);
    }
  }
}

function expectDerived(db: Database, model: Model): void {
  const sorted = (entries: [unknown, unknown][]) => entries.map((entry) => JSON.stringify(entry)).sort();
  const degree = new Map<number, number>();
  for (const { edge } of model.values()) degree.set(edge[1], (degree.get(edge[1]) ?? 0) + 1);
  const entries = [...model.values()];
  expect(sorted([...db.map(MAP).range()])).toEqual(sorted(entries.map(({ edge, value }) => [edge, value])));
  const reverse = entries.map(({ edge, value }): [unknown, unknown] => [[edge[1], edge[0]], value]);
  expect(sorted([...db.map("reverse").range()])).toEqual(sorted(reverse));
  expect(sorted([...db.map("degree").range()])).toEqual(sorted([...degree]));
}

test("reverse edges and degrees are those of the edges after every transaction", async () => {
  const list = fc.array(fc.record({ acts: fc.array(act, { maxLength: 8 }), fate: fc.nat(8) }), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(list, async (transactions) => {
      await using db = openFresh({ pageSize: 4096 });
      await db.modules.put(exampleModule("reverse-edges-as"), { name: "edges", capabilities: ["get"] });
      await db.modules.attach("edges", MAP, { on: "tx_hook", writes: ["reverse", "degree"] });
      const model: Model = new Map();
      for (const { acts, fate } of transactions) {
        const before = new Map(model);
        const body = (tx: Transaction) => {
          run(tx, model, acts);
          if (fate === 0) throw new Error("rolled back");
        };
        if (fate === 0) expect(() => db.transactionSync(body)).toThrow("rolled back");
        else db.transactionSync(body);
        if (fate === 0) restore(model, before);
        if (fate === 1) await db.dropMap(MAP);
        if (fate === 1) model.clear();
        expectDerived(db, model);
      }
      expectClean(db);
    }),
    { numRuns: effort(25) },
  );
});

test("derived writes are made in their order, and of what hooks derive, others see nothing", async () => {
  await using db = openFresh();
  const writing = (value: string) =>
    moduleText({
      tx_hook: answering(
        Buffer.concat([
          derivedWrite(1, keyBytes("k"), "before"),
          derivedWrite(1, keyBytes("k"), undefined),
          derivedWrite(1, keyBytes("k"), value),
          derivedWrite(2, keyBytes(value), true),
          derivedWrite(2, keyBytes("absent"), undefined),
        ]),
      ),
    });
  await attach(db, writing("first"));
  await attach(db, writing("second"));
  // Sees changes of "w", of which there are none but derived ones.
  const { hash } = await db.modules.put(moduleText({ tx_hook: "unreachable" }));
  await db.modules.attach(hash, "w", { on: "tx_hook" });
  db.map("m").putSync(1, 1);
  expect(db.map("w").get("k")).toBe("second");
  expect([...db.map("v").keys()]).toEqual(["first", "second"]);
  expect(await codeOf(() => db.map("w").put(1, 1))).toBe("LLMDB_WASM_TRAP");
  const first = db.modules.attachments()[0].module;
  await db.modules.detach(first, "m", { on: "tx_hook" });
  await db.modules.attach(first, "m", { on: "tx_hook", writes: ["w", "v"] });
  db.map("m").putSync(1, 2);
  expect(db.map("w").get("k")).toBe("first");
});

test("a hook that writes its own map sees the body's changes once", async () => {
  await using db = openFresh();
  await attach(db, moduleText({ tx_hook: answering(derivedWrite(1, keyBytes("seen"), true)) }), { writes: ["m"] });
  db.map("m").putSync("a", 1);
  expect([...db.map("m").range()]).toEqual([
    ["a", 1],
    ["seen", true],
  ]);
  expectClean(db);
});

test("what is logged, the clock, and reading: as the transaction sees it", async () => {
  const at = Date.UTC(2026, 5, 1, 12) + 0.25;
  await using db = openFresh({ clock: () => at });
  const texts: string[] = [];
  db.modules.onLog = (text) => texts.push(text);
  // Logs the value of the key 0 of the maps 0 to 3, as the hook is told of it, and derives the clock's time.
  const read = (map: number) => `
    (local.set $n (call $get_from (i32.const ${map}) (i32.const 8) (i32.const 1) (i32.const 32) (i32.const 64)))
    (if (i32.lt_s (local.get $n) (i32.const 0))
      (then (call $log (i32.const 16) (i32.const 6)))
      (else (call $log (i32.const 33) (i32.sub (local.get $n) (i32.const 1)))))`;
  const module = moduleText(
    {
      tx_hook: `
        (if (i32.ne (call $get (i32.const 8) (i32.const 1) (i32.const 32) (i32.const 0))
          (call $get_from (i32.const 0) (i32.const 8) (i32.const 1) (i32.const 32) (i32.const 64))) (then unreachable))
        ${[0, 1, 2, 3].map(read).join("")}
        (if (i64.ne (call $clock) (i64.load offset=32 (local.get $in))) (then unreachable))
        (if (i32.ne (i32.load offset=40 (local.get $in)) (i32.const 7)) (then unreachable))
        (i64.store (i32.const 64) (call $clock))
        (call $log (i32.const 64) (i32.const 3))
        (i32.const 0)`,
    },
    {
      imports: `${CLOCK} ${GET} ${GET_FROM} ${LOG}`,
      more: `(data (i32.const 8) "\\10") (data (i32.const 16) "absent")`,
    },
  );
  await attach(db, module, { reads: ["r"] });
  db.transactionSync((tx) => {
    tx.map("m").put(0, "own");
    tx.map("w").put(0, "written");
    tx.map("r").put(0, "read");
  });
  expect(texts.slice(0, 4)).toEqual(["own", "written", "absent", "read"]);
  texts.length = 0;
  expect(() =>
    db.transactionSync((tx) => {
      tx.map("m").put(0, "new");
      tx.map("r").delete(0);
      throw new Error("no commit, no hook");
    }),
  ).toThrow("no commit");
  expect(texts).toEqual([]);
  db.transactionSync((tx) => {
    tx.map("m").put(0, "new");
    tx.map("r").delete(0);
  });
  expect(texts.slice(0, 4)).toEqual(["new", "written", "absent", "absent"]);
});

test("a transaction that comes to nothing runs no hook", async () => {
  await using db = await furnished();
  await attach(db, moduleText({ tx_hook: "unreachable" }));
  const nothing: ((tx: Transaction) => void)[] = [
    (tx) => void tx.map("m").get(1),
    (tx) => tx.map("m").put(1, "1"),
    (tx) => tx.map("m").delete("absent"),
    (tx) => {
      tx.map("m").put("a", 1);
      tx.map("m").delete("a");
    },
    (tx) => {
      tx.map("m").delete(1);
      tx.map("m").put(1, "1");
    },
    (tx) => tx.map("other").put(1, 1),
    (tx) => tx.put("fact", 1),
  ];
  for (const body of nothing) expect(await codeOf(() => db.transaction(body)), String(body)).toBeUndefined();
});

test("very many changes come in batches, to one instance", { timeout: 120_000 }, async () => {
  await using db = openFresh();
  // Copies each change; a global counts calls, and the key -1 says how many there were.
  await db.modules.put(exampleModule("template-tx-hook"), { name: "copies" });
  await db.modules.attach("copies", "m", { on: "tx_hook", writes: ["w"], fuel: 1e10, timeoutMs: 60_000 });
  await db.modules.put(exampleModule("reverse-edges-as"), { name: "edges", capabilities: ["get"] });
  await db.modules.attach("edges", MAP, {
    on: "tx_hook",
    writes: ["reverse", "degree"],
    fuel: 1e10,
    timeoutMs: 60_000,
  });
  const changes = effort(30_000);
  db.transactionSync((tx) => {
    const map = tx.map<number, string>("m");
    for (let i = 0; i < changes; i++) map.put(i, `value ${i}`);
  });
  expect(db.map("w").count()).toBe(changes);
  expect([...db.map("w").range({ gte: 22_222, limit: 2 })]).toEqual([
    [22_222, "value 22222"],
    [22_223, "value 22223"],
  ]);
  db.transactionSync((tx) => {
    for (let i = 0; i < changes; i++)
      tx.map(MAP).put([`a node with a name of some length ${i}`, i % 7 === 0 ? 7 : i], 0);
  });
  expect(db.map("reverse").count()).toBe(changes);
  expect(db.map("degree").get(7)).toBe(Math.ceil(changes / 7));
  db.map("m").clearSync();
  expect(db.map("w").count()).toBe(0);
  expectClean(db);
});

test("a module that is revoked, detached or attached while transactions wait runs up to then", async () => {
  await using db = await furnished();
  await attach(db, moduleText({ tx_hook: answering(derivedWrite(1, keyBytes("k"), true)) }));
  const [{ module }] = db.modules.attachments();
  const before = db.map("m").put("a", 1);
  const revoked = db.modules.revoke(module);
  const after = db.map("m").put("b", 1);
  const drop = db.map("w").delete("k");
  await Promise.all([before, revoked, after, drop]);
  expect(db.map("w").has("k")).toBe(false);
  db.map("m").putSync("c", 1);
  expect(db.map("w").has("k")).toBe(false);
  expect(await codeOf(() => db.modules.attach(module, "m", { on: "tx_hook" }))).toBe("LLMDB_WASM_REFUSED");
  expect(db.modules.attachments()).toEqual([]);
});
