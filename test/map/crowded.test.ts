/**
 * A cache that a transaction crowds: committed pages are written back in the middle of it, and those that it replaces
 * under their own numbers are not.
 */
import { expect, test } from "vitest";
import { open } from "../../index.js";
import { freshPath } from "./fresh.js";

const PAGE = 4096;
const FRAMES = 64;
const filler = (i: number) => `filler ${i % 400} ${"x".repeat(300)}`;

test("pages that a transaction keeps are read back as it left them", async () => {
  const path = freshPath();
  const db = open(path, { pageSize: PAGE, cacheBytes: PAGE * FRAMES });
  const model = new Map<string, string>();
  const put = (tx: Parameters<Parameters<typeof db.transactionSync>[0]>[0], key: string, value: string) => {
    tx.map("m").put(key, value);
    model.set(key, value);
  };
  const check = () => {
    for (const [key, value] of model) expect(db.map("m").get(key)).toBe(value);
  };
  for (let round = 0; round < 60; round++) {
    db.transactionSync((tx) => {
      for (let i = 0; i < 20; i++) put(tx, `a${(round * 7 + i * 13) % 300}`, filler(round + i));
    });
    db.transactionSync((tx) => {
      for (let i = 0; i < 10; i++) put(tx, `a${(round * 11 + i * 17) % 300}`, filler(round * 3 + i));
      for (let i = 0; i < 400; i++) put(tx, `z${(i * 31 + round) % 600}`, filler(i));
      for (let i = 0; i < 10; i++) put(tx, `a${(round * 5 + i * 19) % 300}`, filler(round * 5 + i));
    });
    if (round % 5 === 0) check();
  }
  check();
  expect(db.verify().problems).toEqual([]);
  await db.close();
});
