/** The types of a level database as a TypeScript program sees them: checked by the compiler, run once. */
import type { AbstractLevel, AbstractSublevel } from "abstract-level";
import { expect, expectTypeOf, test } from "vitest";
import { LlmdbLevel, type LlmdbLevelBatchOptions, type LlmdbLevelOptions } from "../../level/index.js";
import type { Database } from "../../wasm/database.js";

interface User {
  name: string;
  born?: number;
}

/** A library that takes any database of the ecosystem. */
async function countEntries<K, V>(db: AbstractLevel<string | Buffer | Uint8Array, K, V>): Promise<number> {
  return (await db.keys().all()).length;
}

test("keys and values are strings by default", async () => {
  await using db = new LlmdbLevel(":memory:");
  await db.put("a", "1");
  expectTypeOf(db).toEqualTypeOf<LlmdbLevel<string, string>>();
  expectTypeOf(await db.get("a")).toEqualTypeOf<string | undefined>();
  // @ts-expect-error A value is a string.
  const put = db.put("b", 2);
  await put;
  expect(await countEntries(db)).toBe(2);
});

test("the types of keys and values go through everything", async () => {
  await using db = new LlmdbLevel<string, User>(":memory:", { valueEncoding: "json" });
  await db.put("ada", { name: "Ada", born: 1815 }, { sync: true });
  const durable: LlmdbLevelBatchOptions<string, User> = { sync: true };
  await db.batch(
    [
      { type: "put", key: "bob", value: { name: "Bob" } },
      { type: "del", key: "eve" },
    ],
    durable,
  );
  await db.batch().put("cyd", { name: "Cyd" }).del("bob").write({ sync: true });
  await db.del("none", { sync: true });
  await db.clear({ gt: "cyd", limit: 1, sync: true });

  expectTypeOf(db.getSync("ada")).toEqualTypeOf<User | undefined>();
  expectTypeOf(await db.getMany(["ada"])).toEqualTypeOf<(User | undefined)[]>();
  expectTypeOf(db.database).toEqualTypeOf<Database>();
  for await (const [key, user] of db.iterator({ gte: "a" })) {
    expectTypeOf(key).toEqualTypeOf<string>();
    expectTypeOf(user).toEqualTypeOf<User>();
    expect(user.name.toLowerCase()).toBe(key);
  }
  const raw = await db.get<string, Uint8Array>("ada", { valueEncoding: "view" });
  expectTypeOf(raw).toEqualTypeOf<Uint8Array | undefined>();
  // @ts-expect-error A user has a name.
  const nameless: Promise<void> = db.put("eve", {});
  await nameless;
  expect(await countEntries(db)).toBe(3);
});

test("sublevels have types of their own", async () => {
  await using db = new LlmdbLevel<string, string>(":memory:");
  const bytes = db.sublevel<Uint8Array, number>("bytes", { keyEncoding: "view", valueEncoding: "json" });
  expectTypeOf(bytes).toExtend<AbstractSublevel<typeof db, string | Buffer | Uint8Array, Uint8Array, number>>();
  await db.batch([{ type: "put", sublevel: bytes, key: Uint8Array.of(1), value: 1 }], {});
  expect(await bytes.get(Uint8Array.of(1))).toBe(1);
  expect(await countEntries(bytes)).toBe(1);
});

test("options have their types", () => {
  expectTypeOf<LlmdbLevelOptions<string, string>>().toHaveProperty("createIfMissing");
  const options: LlmdbLevelOptions<string, string> = { pageSize: 4096, cacheBytes: 2 ** 20, durability: "durable" };
  expect(options.map).toBeUndefined();
  // @ts-expect-error There is no such page size.
  const odd: LlmdbLevelOptions<string, string> = { pageSize: 1000 };
  expect(odd).toBeDefined();
});
