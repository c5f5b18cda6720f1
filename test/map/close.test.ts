/**
 * `close`: waits, makes durable, and ends everything.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";

test("makes buffered writes durable", async () => {
  for (const blocking of [false, true]) {
    const storage = memoryStorage();
    const db = open("db", { storage, durability: "buffered" });
    for (let i = 0; i < 100; i++) db.map("m").putSync(i, i);
    if (blocking) db.closeSync();
    else await db.close();
    const again = open("db", { storage });
    expect(again.map("m").count()).toBe(100);
    again.closeSync();
  }
});

test("waits for writes that are on their way", async () => {
  const storage = memoryStorage();
  const db = open("db", { storage });
  const writes = Array.from({ length: 20 }, (_, i) => db.map("m").put(i, i));
  await Promise.all([db.close(), ...writes]);
  const again = open("db", { storage });
  expect(again.map("m").count()).toBe(20);
  again.closeSync();
});

test("by `using` and `await using`", async () => {
  const storage = memoryStorage();
  {
    using db = open("db", { storage });
    db.map("m").putSync(1, 1);
  }
  {
    await using db = open("db", { storage });
    await db.map("m").put(2, 2);
  }
  using db = open("db", { storage });
  expect([...db.map("m").keys()]).toEqual([1, 2]);
});

test("frees the lock", () => {
  const storage = memoryStorage();
  for (let i = 0; i < 3; i++) {
    const db = open("db", { storage });
    expect(() => open("db", { storage })).toThrow(/open/);
    db.closeSync();
  }
});
