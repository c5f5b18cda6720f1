/** SQLite, compiled to WebAssembly by somebody else, gives the same answers rewritten, and uses the same fuel twice. */
import crypto from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { DEFAULT_LIMITS } from "../../wasm/limits.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { type WasmGlobal, webAssembly } from "../../wasm/web-assembly.js";

interface Result {
  readonly columns: string[];
  readonly values: (number | string | Uint8Array | null)[][];
}

interface Database {
  exec(sql: string): Result[];
  export(): Uint8Array;
  close(): void;
}

interface Config {
  readonly useOldExtensionFunctions: boolean;
  instantiateWasm(
    imports: Record<string, Record<string, unknown>>,
    done: (instance: object, module: object) => void,
  ): object;
}

type Start = (config: Config) => Promise<{ readonly Database: new () => Database }>;

const load = createRequire(import.meta.url);
const file = load.resolve("sql.js/dist/sql-wasm.wasm");
const fullFuel = 1n << 60n;
const fullStack = 65_536;

/** Joins, floats, text, blobs, numbers of all sizes, errors of every kind, and enough rows for trees and sorting. */
const script = [
  "create table people (id integer primary key, name text not null, height real, picture blob)",
  "create table cities (id integer primary key, name text unique, area real)",
  "create table homes (person references people, city references cities, since text)",
  `with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000)
   insert into people select i, 'name ' || (i * 7919 % 3001), 1.5 + (i * 37 % 100) / 173.0, zeroblob(i % 50) from n`,
  `insert into cities values (1, 'Zürich', 87.88), (2, '東京', 2194.07), (3, 'Þórshöfn', 1e-300), (4, '', 9e999)`,
  "insert into homes select id, 1 + id % 4, date('2020-01-01', '+' || id || ' days') from people where id % 3",
  "create index people_by_name on people (name collate nocase, height desc)",
  `select c.name, count(*), sum(p.height), avg(p.height * p.height), max(p.name), min(h.since)
   from people p join homes h on h.person = p.id left join cities c on c.id = h.city group by c.id order by 2, 1`,
  `select a.name, b.name from people a join people b on b.height = a.height and b.id < a.id
   where a.id < 150 order by 1, 2`,
  "select 0.1 + 0.2, 1e308 * 10, -1e308 * 10, 9223372036854775807 + 1, 1 / 0, 7 / 2, -7 % 3, 5e-324, 1 / 3.0",
  "select round(2.5), round(-1.005, 2), cast('1e3x' as real), cast(1e20 as integer), abs(-0.0)",
  "select printf('%.17g|%e|%08.3f', 0.1, 1e-7, 3.14159)",
  "select sin(1), cos(1), exp(1), ln(2), sqrt(2), power(2, 0.5), pi(), atan2(1, 2)",
  "select upper('straße'), length('東京'), substr('Þórshöfn', 2, 3), replace('aXbX', 'X', '--'), hex('é')",
  "select x'00ff10', hex(zeroblob(5)), typeof(x''), length(x'010203'), quote(x'cafe'), cast(x'616263' as text)",
  "select name from people where name like 'NAME 1_9%' or name glob '*77' order by name collate nocase limit 20",
  "select json_extract('{\"a\":[1,2.5,{\"b\":null}]}', '$.a[1]'), json_group_array(i) from (select 1 i union select 2)",
  `select id, height, rank() over w, sum(height) over (order by id rows between 2 preceding and current row)
   from people where id <= 40 window w as (order by round(height, 1)) order by id`,
  "begin; update people set height = height * 1.1 where id % 7 = 0; select total(height) from people; rollback",
  "select total(height), group_concat(distinct length(picture)) from people",
  "select nothing from people",
  "insert into cities values (9, 'Zürich', 0)",
  "insert into people (id) values (5000)",
  "selekt 1",
  "select abs(-9223372036854775808)",
  "with recursive d(i) as (select 1 union all select i + 1 from d) select count(*) from (select i from d limit 20000)",
  "delete from people where id > 100; vacuum; pragma integrity_check",
  "select count(*), sum(length(sql)) from sqlite_master",
];

interface Run {
  readonly answers: unknown[];
  readonly image: Uint8Array;
  readonly fuel: bigint;
  readonly stack: number;
}

interface Meters {
  readonly fuel: WasmGlobal;
  readonly stack: WasmGlobal;
}

async function run(rewritten: boolean): Promise<Run> {
  delete load.cache[load.resolve("sql.js")]; // it keeps its first instance
  const start: Start = load("sql.js");
  let meters: Meters | undefined;
  const instantiateWasm: Config["instantiateWasm"] = (imports, done) => {
    const original = readFileSync(file);
    const made = rewritten ? rewriteModule(original, { imports: "any", limits }) : undefined;
    const module = new webAssembly.Module(made?.bytes ?? original);
    const instance = new webAssembly.Instance(module, imports);
    if (made !== undefined) meters = fill(instance.exports, made.injected);
    done(instance, module);
    return {};
  };
  const { Database } = await start({ instantiateWasm, useOldExtensionFunctions: false });
  const database = new Database();
  const answers = script.map((sql) => answerOf(database, sql));
  const image = database.export();
  database.close();
  return { answers, image, fuel: fullFuel - BigInt(meters?.fuel.value ?? 0), stack: Number(meters?.stack.value) };
}

const limits = { ...DEFAULT_LIMITS, definitions: 100_000 };

function fill(
  exports: Readonly<Record<string, unknown>>,
  injected: { fuel: string; stack: string; pages: string },
): Meters {
  const [fuel, stack, pages] = [injected.fuel, injected.stack, injected.pages].map((name) => exports[name]);
  if (!(fuel instanceof webAssembly.Global) || !(stack instanceof webAssembly.Global)) throw new Error("no meters");
  if (!(pages instanceof webAssembly.Global)) throw new Error("no meter of pages");
  fuel.value = fullFuel;
  stack.value = fullStack;
  pages.value = limits.memoryPages;
  return { fuel, stack };
}

function answerOf(database: Database, sql: string): unknown {
  try {
    return database.exec(sql);
  } catch (error) {
    return error instanceof Error ? `error: ${error.message}` : error;
  }
}

// SQLite asks for random bytes and for the time, and its file gets a random name: each run is given the same.
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date", "performance"], now: 1_700_000_000_000 });
  vi.spyOn(Math, "random").mockReturnValue(0.5);
  vi.spyOn(crypto, "randomFillSync").mockImplementation((bytes) => bytes);
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

test("SQLite answers as it did, and uses the same fuel twice", async () => {
  const original = await run(false);
  const first = await run(true);
  const second = await run(true);
  expect(original.answers.filter((answer) => typeof answer === "string")).toHaveLength(5);
  for (const [index, sql] of script.entries()) {
    expect({ sql, answer: first.answers[index] }).toEqual({ sql, answer: original.answers[index] });
  }
  expect(Buffer.from(first.image).equals(Buffer.from(original.image))).toBe(true);
  expect(second.answers).toEqual(first.answers);
  expect(first.fuel).toBeGreaterThan(1_000_000n);
  expect(second.fuel).toBe(first.fuel);
  expect(first.stack).toBe(fullStack); // every call gave back what it took
  console.log(`SQLite used ${first.fuel} fuel for ${script.length} statements`);
});
