/** Kept replies: a request is done once, whatever comes in between, and a reply goes with its transaction. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Database, openMemory } from "../../index.js";
import { REPLIES, REQUESTS } from "../../memory/maps.js";
import { Replies, type RepliesOptions } from "../../server/sharing/replies.js";
import type { RequestId } from "../../server/sharing/service.js";
import { effort } from "../effort.js";

const CALLERS = ["a", "b", "c"].map((digit) => digit.repeat(32));
const UNKNOWN = "LLMDB_COMMIT_UNKNOWN";
const OTHER = "LLMDB_INVALID_ARGUMENT";

function idOf(number: number, madeAt = number, caller = CALLERS[0]): RequestId {
  return { caller, number, madeAt };
}

/** Makes a request, and says what came of it: the reply, or the code of the error. */
function once(db: Database, replies: Replies, id: RequestId, params: unknown, run: () => unknown): unknown {
  try {
    return db.transactionSync((tx) => replies.once(tx, id, { method: "m", params, run }));
  } catch (error) {
    return Reflect.get(Object(error), "code");
  }
}

test("the first reply stays, whatever value it is", () => {
  using db = openMemory();
  const replies = new Replies();
  const values = [{ a: [1, null] }, null, false, "", 0, undefined, 1497549923779084388n, { $bigint: "1" }, Number.NaN];
  for (const [i, reply] of values.entries()) {
    const id = { ...idOf(i + 1), madeAt: Date.now() };
    expect(once(db, replies, id, i, () => reply)).toEqual(reply);
    expect(once(db, new Replies(), id, i, () => "second")).toEqual(reply);
  }
});

test("a request with the id of another is an error, and a caller has its own ids", () => {
  using db = openMemory();
  const replies = new Replies({ now: () => 100 });
  expect(once(db, replies, idOf(1), { text: "x" }, () => "first")).toBe("first");
  for (const params of [{ text: "y" }, { text: "x", more: 1 }, undefined, { text: { $bigint: "1" } }, { text: 1n }]) {
    expect(once(db, replies, idOf(1), params, () => "second")).toBe(OTHER);
  }
  const other = (tx: Parameters<Parameters<typeof db.transactionSync>[0]>[0]) =>
    replies.once(tx, idOf(1), { method: "n", params: { text: "x" }, run: () => "second" });
  expect(() => db.transactionSync(other)).toThrow(expect.objectContaining({ code: OTHER }));
  expect(once(db, replies, idOf(1, 1, CALLERS[1]), { text: "y" }, () => "another's")).toBe("another's");
});

test("a reply goes with its transaction", () => {
  using db = openMemory();
  const replies = new Replies();
  const id = { ...idOf(1), madeAt: Date.now() };
  const failing = () =>
    db.transactionSync((tx) => {
      replies.once(tx, id, { method: "m", params: 1, run: () => 1 });
      throw new Error("rolled back");
    });
  expect(failing).toThrow("rolled back");
  expect(once(db, replies, id, 1, () => 2)).toBe(2);
});

test("a part of a reply can be kept, and made a whole again", () => {
  using db = openMemory();
  const asked = {
    method: "m",
    params: "word",
    run: () => ({ tx: 7, id: "word" }),
    keep: (reply: unknown) => Reflect.get(Object(reply), "tx"),
    again: (tx: unknown) => ({ tx, id: "word" }),
  };
  const id = { ...idOf(1), madeAt: Date.now() };
  for (let i = 0; i < 2; i++) {
    expect(db.transactionSync((tx) => new Replies().once(tx, id, asked))).toEqual({ tx: 7, id: "word" });
  }
  expect([...db.map(REPLIES).values()].map((kept) => JSON.stringify(kept)).join()).not.toContain("word");
});

test("what versions before this one kept is dropped", () => {
  using db = openMemory();
  db.transactionSync((tx) => {
    const map = tx.map<(string | number)[], unknown>(REPLIES, { values: "json" });
    map.put(["id", "r1"], [1, { text: "word" }]);
    map.put(["at", 1], "r1");
  });
  expect(once(db, new Replies(), { ...idOf(1), madeAt: Date.now() }, 1, () => "new")).toBe("new");
  expect([...db.map(REPLIES).keys()]).toEqual([[CALLERS[0], 1]]);
});

test("a clock that was wrong does not refuse new requests for long", () => {
  using db = openMemory();
  let now = 1e12;
  const replies = new Replies({ now: () => now, keepMs: 1000, ofAll: 2 });
  const make = (number: number) => once(db, replies, idOf(number, now), number, () => "done");
  for (let number = 1; number < 5; number++) {
    now += 1;
    expect(make(number)).toBe("done");
  }
  now = 1e9;
  for (let number = 5; number < 10; number++) {
    now += 1;
    expect(make(number)).toBe("done");
  }
});

/** What {@link Replies} says that it does, on lists. */
class Model {
  readonly kept: { caller: string; number: number; madeAt: number; params: unknown; reply?: { value: unknown } }[] = [];
  readonly #limits: { readonly ofCaller: number; readonly ofAll: number; readonly keepMs: number };
  readonly #forgottenOf = new Map<string, number>();
  #forgotten = 0;

  constructor(limits: { readonly ofCaller: number; readonly ofAll: number; readonly keepMs: number }) {
    this.#limits = limits;
  }

  once(now: number, { caller, number, madeAt }: RequestId, params: unknown, value: unknown): unknown {
    const known = this.kept.find((entry) => entry.caller === caller && entry.number === number);
    if (known !== undefined) {
      if (known.reply === undefined) return UNKNOWN;
      return known.params === params ? known.reply.value : OTHER;
    }
    if (number <= (this.#forgottenOf.get(caller) ?? 0) || madeAt <= this.#forgotten) return UNKNOWN;
    this.kept.push({ caller, number, madeAt, params, reply: { value } });
    const own = () => this.kept.filter((entry) => entry.caller === caller);
    while (own().length > this.#limits.ofCaller) {
      const oldest = own().reduce((a, b) => (a.number < b.number ? a : b));
      this.kept.splice(this.kept.indexOf(oldest), 1);
      this.#forgottenOf.set(caller, oldest.number);
    }
    for (;;) {
      const oldest = this.kept.reduce((a, b) => (orderOf(a) < orderOf(b) ? a : b));
      const isTooOld = oldest.madeAt < now - this.#limits.keepMs;
      if (this.kept.length < 2 || (this.kept.length <= this.#limits.ofAll && !isTooOld)) return value;
      this.kept.splice(this.kept.indexOf(oldest), 1);
      this.#forgotten = Math.max(this.#forgotten, oldest.madeAt);
    }
  }

  erase(): void {
    for (const entry of this.kept) entry.reply = undefined;
  }
}

function orderOf({ madeAt, caller, number }: RequestId): string {
  return `${String(madeAt).padStart(9, "0")} ${caller} ${String(number).padStart(9, "0")}`;
}

type Step =
  | { readonly kind: "new"; readonly caller: number }
  | { readonly kind: "late"; readonly caller: number }
  | { readonly kind: "again"; readonly which: number; readonly isOther: boolean }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "erase" }
  | { readonly kind: "reopen" };

const caller = fc.nat(CALLERS.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("new" as const), caller }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("late" as const), caller }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("again" as const), which: fc.nat(1000), isOther: fc.boolean() }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "erase" as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: "reopen" as const }) },
);

test("whatever is asked, kept, erased and forgotten, a request is done once and answered as the model answers", () => {
  const limits = fc.record({
    ofCaller: fc.integer({ min: 1, max: 8 }),
    ofAll: fc.integer({ min: 1, max: 12 }),
    keepMs: fc.integer({ min: 1, max: 100 }),
  });
  fc.assert(
    fc.property(limits, fc.array(step, { maxLength: 80 }), (given, steps) => {
      using db = openMemory();
      run(db, given, steps);
    }),
    { numRuns: effort(50) },
  );
});

function run(db: Database, limits: Required<Omit<RepliesOptions, "now">>, steps: readonly Step[]): void {
  let now = 1000;
  const open = () => new Replies({ ...limits, now: () => now });
  let replies = open();
  const model = new Model(limits);
  const numbers = CALLERS.map(() => 0);
  const made: { readonly id: RequestId; readonly params: number; done: number }[] = [];
  /** Made, but not sent before others are. */
  const late: (typeof made)[number][] = [];
  const ask = (request: (typeof made)[number], params: number): void => {
    const reply = `${params} of ${made.length}`;
    const got = once(db, replies, request.id, params, () => {
      request.done++;
      return reply;
    });
    expect(got).toBe(model.once(now, request.id, params, reply));
    expect(request.done).toBeLessThanOrEqual(1);
  };
  const make = (of: number): (typeof made)[number] => {
    now++;
    const request = { id: idOf(++numbers[of], now, CALLERS[of]), params: made.length, done: 0 };
    made.push(request);
    return request;
  };
  for (const next of steps) {
    if (next.kind === "new") {
      const request = make(next.caller);
      ask(request, request.params);
      expect(request.done).toBe(1);
    } else if (next.kind === "late") {
      late.push(make(next.caller));
      if (late.length > 2) for (const request of late.splice(0, 1)) ask(request, request.params);
    } else if (next.kind === "again") {
      const request = made[next.which % Math.max(1, made.length)];
      if (request !== undefined && !late.includes(request)) ask(request, next.isOther ? -1 : request.params);
    } else if (next.kind === "wait") {
      now += next.ms;
    } else if (next.kind === "erase") {
      db.transactionSync((tx) => tx.map(REPLIES, { values: "json" }).clear());
      model.erase();
    } else {
      replies = open();
    }
  }
  expect(db.map(REQUESTS).count({ prefix: ["done"] })).toBe(model.kept.length);
  expect(db.map(REQUESTS).count({ prefix: ["at"] })).toBe(model.kept.length);
  expect(db.map(REPLIES).count()).toBe(model.kept.filter(({ reply }) => reply !== undefined).length);
  // Callers of whom nothing is kept are forgotten.
  expect(db.map(REQUESTS).count({ prefix: ["caller"] })).toBe(new Set(model.kept.map((entry) => entry.caller)).size);
}

test("long replies weigh more, and a single one is kept whatever it weighs", () => {
  using db = openMemory();
  const replies = new Replies({ ofCaller: 10, now: () => 100 });
  const long = "x".repeat(100_000);
  expect(once(db, replies, idOf(1), 1, () => "short")).toBe("short");
  expect(once(db, replies, idOf(2), 2, () => long)).toBe(long);
  expect(once(db, replies, idOf(2), 2, () => "again")).toBe(long);
  expect(once(db, replies, idOf(1), 1, () => "again")).toBe(UNKNOWN);
});

test.each([{ ofCaller: 0 }, { ofAll: 1.5 }, { keepMs: Number.NaN }])("a limit %j is refused", (limits) => {
  expect(() => new Replies(limits)).toThrow(expect.objectContaining({ code: OTHER }));
});
