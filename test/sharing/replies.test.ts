/** Kept replies: the first one stays, the newest are kept, and they go with their transaction. */
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { Replies } from "../../server/sharing/replies.js";

test("the first reply stays, whatever JSON value it is", () => {
  using db = openMemory();
  const replies = new Replies();
  for (const [i, reply] of [{ a: [1, null] }, null, false, "", 0].entries()) {
    const id = `r${i}`;
    expect(db.transactionSync((tx) => replies.once(tx, id, () => reply))).toEqual(reply);
    expect(db.transactionSync((tx) => replies.once(tx, id, () => "second"))).toEqual(reply);
  }
  expect(db.transactionSync((tx) => replies.reply(tx, "none"))).toBeUndefined();
  db.transactionSync((tx) => replies.keep(tx, "nothing", undefined));
  expect(db.transactionSync((tx) => replies.reply(tx, "nothing"))).toEqual({ reply: undefined });
});

test("as many are kept as were asked for, the newest", () => {
  using db = openMemory();
  const add = (replies: Replies, i: number) => db.transactionSync((tx) => replies.keep(tx, `r${i}`, i));
  for (let i = 0; i < 25; i++) add(new Replies(10), i);
  const kept = () =>
    db.transactionSync((tx) => Array.from({ length: 26 }, (_, i) => i).filter((i) => new Replies().reply(tx, `r${i}`)));
  expect(kept()).toEqual([15, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
  expect(db.map("memory/replies").count()).toBe(20);
  add(new Replies(3), 25);
  expect(kept()).toEqual([23, 24, 25]);
  expect(db.map("memory/replies").count()).toBe(6);
});

test("a reply goes with its transaction", () => {
  using db = openMemory();
  const replies = new Replies();
  const failing = () =>
    db.transactionSync((tx) => {
      replies.keep(tx, "r", 1);
      throw new Error("rolled back");
    });
  expect(failing).toThrow("rolled back");
  expect(db.transactionSync((tx) => replies.reply(tx, "r"))).toBeUndefined();
});

test.each([0, 1.5, Number.NaN])("%d replies are refused", (count) => {
  expect(() => new Replies(count)).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
});
