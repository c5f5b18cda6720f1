/** All tables of a module have one allowance, and it is part of that of its memory. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { LlmdbError, openMemory } from "../../index.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { effort } from "../effort.js";
import { assemble, Metered } from "./metered.js";
import { codeOf, moduleText } from "./module-text.js";

const MOST = 65_536;
const ENTRIES_OF_A_PAGE = 2048;

/** A module with tables of these sizes; `grow<i>` grows one, `pages` grows the memory. */
function withTables(tables: readonly string[]): Uint8Array {
  const grow = tables.map((table, i) => {
    const type = /funcref|externref/.exec(table)?.[0] === "externref" ? "extern" : "func";
    return `(table ${table}) (func (export "grow${i}") (param i32) (result i32)
      (table.grow ${i} (ref.null ${type}) (local.get 0)))
      (func (export "size${i}") (result i32) (table.size ${i}))`;
  });
  return assemble(`(module (memory 1) ${grow.join("\n")}
    (func (export "pages") (param i32) (result i32) (memory.grow (local.get 0))))`);
}

test("17 tables are refused", () => {
  const refusal = (count: number) => {
    try {
      rewriteModule(withTables(Array(count).fill("0 externref")));
    } catch (error) {
      if (error instanceof LlmdbError && error.code === "LLMDB_WASM_REFUSED") return error.message;
      throw error;
    }
    return "accepted";
  };
  expect(refusal(16)).toBe("accepted");
  expect(refusal(17)).toMatch(/17 tables, and the limit is 16/);
});

test("together they grow to 65,536 entries, and not beyond", () => {
  const two = new Metered(withTables(["1 externref", "1 funcref"]));
  expect(two.call("grow0", 60_000)).toEqual({ returned: 1 });
  expect(two.call("grow1", 5_534)).toEqual({ returned: 1 });
  expect(two.call("grow0", 0)).toEqual({ returned: 60_001 });
  expect(two.call("grow1", 1)).toEqual({ ended: "memory" });
});

test("what a table declares is its own limit, and no error", () => {
  const two = new Metered(withTables(["1 10 externref", "1 funcref"]));
  expect(two.call("grow0", 10)).toEqual({ returned: -1 });
  expect(two.call("grow0", 9)).toEqual({ returned: 1 });
  expect(two.call("grow0", -1)).toEqual({ returned: -1 });
  expect(two.call("grow1", MOST)).toEqual({ returned: -1 });
  expect(two.call("grow1", MOST - 11)).toEqual({ returned: 1 });
});

test("entries count as memory", () => {
  const one = new Metered(withTables(["0 externref"]));
  one.grant(1n << 60n, 4);
  expect(one.call("grow0", 3 * ENTRIES_OF_A_PAGE)).toEqual({ returned: 0 });
  expect(one.call("pages", 1)).toEqual({ ended: "memory" });
  const other = new Metered(withTables(["0 externref"]));
  other.grant(1n << 60n, 4);
  expect(other.call("pages", 3)).toEqual({ returned: 1 });
  expect(other.call("grow0", ENTRIES_OF_A_PAGE - 1)).toEqual({ returned: 0 });
  expect(other.call("grow0", 1)).toEqual({ ended: "memory" });
});

test("any tables, grown in any order, follow the rules", () => {
  const table = fc.record({
    min: fc.nat(3000),
    max: fc.option(fc.nat(MOST), { nil: undefined }),
    type: fc.constantFrom("externref", "funcref"),
  });
  const step = fc.record({ table: fc.nat(3), by: fc.oneof(fc.nat(40_000), fc.nat(MOST), fc.constant(-1)) });
  fc.assert(
    fc.property(fc.array(table, { minLength: 1, maxLength: 4 }), fc.array(step, { maxLength: 12 }), (tables, steps) => {
      const limits = tables.map(({ min, max }) => ({ size: min, max: max === undefined ? MOST : Math.max(min, max) }));
      const texts = tables.map(({ min, type }, i) => {
        return `${min} ${tables[i].max === undefined ? "" : limits[i].max} ${type}`;
      });
      const module = new Metered(withTables(texts));
      for (const { table: number, by } of steps) {
        const i = number % tables.length;
        const one = limits[i];
        const all = limits.reduce((sum, { size }) => sum + size, 0);
        const end = module.call(`grow${i}`, by);
        if (by < 0 || one.size + by > one.max) expect(end).toEqual({ returned: -1 });
        else if (all + by > MOST) {
          expect(end).toEqual({ ended: "memory" });
          return;
        } else {
          expect(end).toEqual({ returned: one.size });
          one.size += by;
        }
        expect(module.call(`size${i}`)).toEqual({ returned: one.size });
      }
    }),
    { numRuns: effort(40) },
  );
});

test("a call that grows tables beyond what it was granted ends with LLMDB_WASM_MEMORY", async () => {
  const db = openMemory();
  await db.map("m").put(1, 1);
  const text = (entries: number) =>
    moduleText(
      { reduce_pages: `(drop (table.grow $t (ref.null extern) (i32.const ${entries}))) (i32.const 0)` },
      { more: `(table $t 0 externref)` },
    );
  const run = async (entries: number, memoryBytes: number) => {
    const { hash } = await db.modules.put(text(entries));
    return codeOf(() => db.modules.reducePages(hash, { map: "m" }, { memoryBytes }));
  };
  expect(await run(60_000, 4 * 65_536)).toBe("LLMDB_WASM_MEMORY");
  expect(await run(60_000, 64 * 65_536)).toBe(undefined);
  expect(await run(100, 2 * 65_536)).toBe(undefined);
  // Tables that begin with more than there is.
  const large = moduleText({ reduce_pages: "(i32.const 0)" }, { more: `(table 65536 externref)` });
  const { hash } = await db.modules.put(large);
  const memoryBytes = 16 * 65_536;
  expect(await codeOf(() => db.modules.reducePages(hash, { map: "m" }, { memoryBytes }))).toBe("LLMDB_WASM_MEMORY");
  await db.close();
});
