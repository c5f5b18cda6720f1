/**
 * Code at the data, in three scenes: payments come in as a stream, and a WebAssembly module in the database keeps them
 * findable from both ends; another one keeps an index of their amounts; a third sums up budgets as they are now and as
 * they were last month. Everything that is shown is checked. Run it with `npm run example:modules`.
 *
 * The modules are those of `examples/modules/`, already built. docs/wasm-modules.md says how to write your own.
 */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "llmdb";

const PEOPLE = ["ada", "bob", "cem", "dot", "eve", "fay", "gil", "hal"];
const WATCHED = 4;
const CALM = 40;
const BEFORE_THE_CRASH = 60;
const A_DAY = 24 * 60 * 60 * 1000;

const moduleBytes = (name) => readFileSync(join(import.meta.dirname, "modules", "build", `${name}.wasm`));

/**
 * What comes in: batches of payments from one person to another, without end and always the same ones. Now and then one
 * is taken back.
 */
async function* payments() {
  let state = 7;
  const random = (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % below;
  };
  const made = [];
  for (let number = 1; ; number++) {
    const batch = [];
    for (let i = random(4) + 1; i > 0; i--) {
      if (made.length > 3 && random(5) === 0) {
        batch.push({ ...made[random(made.length)], amount: null });
        continue;
      }
      const from = random(PEOPLE.length);
      const to = (from + 1 + random(PEOPLE.length - 1)) % PEOPLE.length;
      const payment = { from: PEOPLE[from], to: PEOPLE[to], amount: random(100) };
      made.push(payment);
      batch.push(payment);
    }
    // Where it comes from takes its time.
    await new Promise((resolve) => setImmediate(resolve));
    yield { number, batch };
  }
}

/** One batch, one transaction. Nothing here says anything of the maps that the module keeps. */
async function store(db, batch) {
  await db.transaction((tx) => {
    const all = tx.map("payments");
    for (const { from, to, amount } of batch) {
      if (amount === null) all.delete([from, to]);
      else all.put([from, to], { amount });
    }
  });
}

/** Scene 1: after each commit, both maps that the module derives agree with the payments. */
async function watchTheStream(db) {
  await db.modules.put(moduleBytes("reverse-edges-as"), { name: "reverse-edges", capabilities: ["get"] });
  await db.modules.attach("reverse-edges", "payments", { on: "tx_hook", writes: ["payers", "payerCount"] });
  console.log("1. A stream of payments, and who was paid by whom, right after each commit:");
  for await (const { number, batch } of payments()) {
    await store(db, batch);
    checkDerived(db);
    if (number <= WATCHED) for (const { from, to, amount } of batch) console.log(`  ${told(db, from, to, amount)}`);
    if (number === CALM) break;
  }
  console.log(`  ... ${CALM} commits, ${db.map("payments").count()} payments, and both maps agreed after each`);
}

function told(db, from, to, amount) {
  const what = amount === null ? `${from} takes back what ${to} got` : `${from} pays ${to} ${amount}`;
  const payers = [...db.map("payers").keys({ prefix: [to] })].map(([, payer]) => payer);
  return `${what.padEnd(30)} ${to} is paid by ${db.map("payerCount").get(to) ?? 0}: ${payers.join(", ") || "nobody"}`;
}

/** The module's maps are what one would make of the payments by hand. */
function checkDerived(db) {
  const expected = new Map();
  const counts = new Map();
  for (const [[from, to], value] of db.map("payments").range()) {
    expected.set(`${to} ${from}`, value);
    counts.set(to, (counts.get(to) ?? 0) + 1);
  }
  const payers = [...db.map("payers").range()].map(([key, value]) => [key.join(" "), value]);
  assert.deepEqual(new Map(payers), expected);
  assert.deepEqual(new Map(db.map("payerCount").range()), counts);
}

/** Scene 1, continued: the writer is killed in the middle of it. */
async function survivesACrash(path) {
  const writer = fork(import.meta.filename, ["write", path]);
  let acknowledged = 0;
  writer.on("message", (number) => {
    acknowledged = number;
    if (number === BEFORE_THE_CRASH) writer.kill("SIGKILL");
  });
  // The last messages of a process may come after its end.
  await Promise.all([once(writer, "exit"), once(writer, "disconnect")]);
  const db = open(path, { create: false });
  checkDerived(db);
  const stored = [...db.map("payments").range()].map(([key, { amount }]) => [key.join(" "), amount]);
  // The commit that was under way may have become durable or not, but never by half.
  const possible = [await paymentsAfter(acknowledged), await paymentsAfter(acknowledged + 1)];
  assert.ok(
    possible.some((each) => sameEntries(each, new Map(stored))),
    "what was acknowledged is there, and no half of a batch",
  );
  console.log(`  killed after commit ${acknowledged}, opened again: ${stored.length} payments, both maps agree\n`);
  return db;
}

/** What a writer does that is going to be killed: it goes on with the stream, and says what is durable. */
async function writeUntilKilled(path) {
  const db = open(path, { create: false });
  for await (const { number, batch } of payments()) {
    if (number <= CALM) continue;
    await store(db, batch);
    await new Promise((resolve) => process.send(number, resolve));
  }
}

/** The payments that there are after so many batches. */
async function paymentsAfter(batches) {
  const all = new Map();
  for await (const { number, batch } of payments()) {
    if (number > batches) return all;
    for (const { from, to, amount } of batch) {
      if (amount === null) all.delete(`${from} ${to}`);
      else all.set(`${from} ${to}`, amount);
    }
  }
}

function sameEntries(a, b) {
  return a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
}

/** Scene 2: an index of a field, made by a module; reading a range of it touches nothing else. */
async function findByAmount(db) {
  await db.modules.put(moduleBytes("by-field-as"), { name: "by-field" });
  const index = { on: "custom_index", name: "by-amount", arg: Buffer.from("amount") };
  await db.modules.attach("by-field", "payments", index);
  await store(db, [{ from: "ada", to: "hal", amount: 99 }]);
  const range = { gte: 80, lt: 100 };
  const found = [...db.modules.index("by-amount").range(range)];
  console.log("2. Payments from 80 to 99, in the order of an index that a module keeps:");
  for (const [amount, [from, to]] of found) console.log(`  ${String(amount).padStart(4)}  ${from} to ${to}`);
  const scanned = [...db.map("payments").range()].filter(([, { amount }]) => amount >= 80 && amount < 100);
  assert.deepEqual(
    found,
    scanned.map(([key, { amount }]) => [amount, key]).sort(([a], [b]) => a - b),
  );
  console.log("  a scan of all payments finds the same\n");
}

/** What everybody may spend, as it was recorded a month ago. A fact has the time at which it was told. */
async function recordBudgets(db, time) {
  const budgets = PEOPLE.map((name, i) => [["budget", name], { amount: 100 + i }]);
  await db.transaction((tx) => budgets.map(([key, value]) => tx.put(key, value)), { time });
}

/** Scene 3: one number out of all facts. The pages of the past go through the same module as those of now. */
async function sumBudgets(db, lastMonth) {
  await db.modules.put(moduleBytes("sum-field"), { name: "sum-field" });
  await db.transaction((tx) => {
    tx.put(["budget", "ada"], { amount: 250 });
    tx.delete(["budget", "hal"]);
  });
  const sum = async (at) => {
    const budgets = { partition: 0, range: { prefix: ["budget"] }, at };
    const { value, records } = await db.modules.reducePages("sum-field", budgets, { arg: Buffer.from("amount") });
    const bytes = Buffer.from(value);
    // Number, sum, least, greatest: the head of examples/modules/sum-field.wat says where each lies.
    return { count: Number(bytes.readBigUInt64LE(0)), sum: bytes.readDoubleLE(8), records };
  };
  const now = await sum({});
  const then = await sum({ knownAt: lastMonth, validAt: lastMonth });
  console.log("3. The sum of all budgets, by a module that walks the pages:");
  console.log(`  as of last month  ${then.sum} in ${then.count} budgets`);
  console.log(`  now               ${now.sum} in ${now.count} budgets`);
  assert.deepEqual(then, { count: 8, sum: 828, records: 8 });
  assert.deepEqual(now, { count: 7, sum: 828 - 100 + 250 - 107, records: 7 });
}

async function show() {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-edges-"));
  const path = join(folder, "payments.llmdb");
  try {
    const lastMonth = new Date(Date.now() - 30 * A_DAY);
    const first = open(path);
    await recordBudgets(first, lastMonth);
    await watchTheStream(first);
    await first.close();
    const db = await survivesACrash(path);
    await findByAmount(db);
    await sumBudgets(db, lastMonth);
    assert.ok(db.verify().ok);
    await db.close();
    console.log("\nall of it checked");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const [, , role, path] = process.argv;
if (role === "write") await writeUntilKilled(path);
else await show();
