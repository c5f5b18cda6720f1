/**
 * Erasing records of the memory: after the next checkpoint no distinctive word, subject or given id of them is in the
 * files; every other record answers as before.
 */
import { expect, test } from "vitest";
import { SCOPES, SESSIONS } from "../../memory/maps.js";
import { Memory } from "../../memory/memory.js";
import { open, openMemory } from "../../temporal/open.js";
import { isThorough } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { foundIn } from "../needles.js";
import { inconsistencies } from "./consistency.js";

const LETTERS = "abcdefghijklmnopqrstuvwxyz";
const RECORDS = 160;

interface Subject {
  readonly id: string;
  /** In its id, its subject, its text, and in both its versions. */
  readonly marks: readonly string[];
}

function bytesOf(disk: SimulatedDisk): Buffer[] {
  return disk.list("/").map((name) => {
    const file = disk.open(`/${name}`, "read");
    const bytes = Buffer.alloc(file.size());
    file.read(bytes, 0, bytes.length, 0);
    file.close();
    return bytes;
  });
}

/** The marks of which a part is in a file: keys are cut, and grams and texts may be in another case. */
function findable(disk: SimulatedDisk, marks: readonly string[]): string[] {
  const parts = (mark: string) => [2, 8, 14].map((at) => mark.slice(at, at + 8));
  const found = new Set<string>();
  for (const bytes of bytesOf(disk)) {
    // Letters in lower case; what else this changes is in no mark.
    for (let i = 0; i < bytes.length; i++) if (bytes[i] >= 0x41 && bytes[i] <= 0x5a) bytes[i] |= 0x20;
    for (const part of foundIn(bytes, marks.flatMap(parts))) found.add(part);
  }
  return marks.filter((mark) => parts(mark).some((part) => found.has(part)));
}

async function fill(memory: Memory, random: Random): Promise<Subject[]> {
  const word = () => Array.from({ length: 24 }, () => random.pick([...LETTERS])).join("");
  const subjects: Subject[] = [];
  for (let i = 0; i < RECORDS; i++) {
    const marks = Array.from({ length: 4 }, word);
    const [first, second, third, fourth] = marks;
    const long = `${second} ${"and so on ".repeat((i % 60) * 7)} ${third}`;
    if (i % 4 === 0) {
      await memory.remember({ id: `doc/${first.repeat(6)}`, subject: "ada", text: long }, { meta: { why: third } });
      await memory.remember({ id: `doc/${first.repeat(6)}`, subject: "ada", text: `common ${fourth}` });
      subjects.push({ id: `doc/${first.repeat(6)}`, marks });
    } else if (i % 4 === 1) {
      const fact = { subject: first, predicate: second, scope: "team" };
      const { id } = await memory.remember({ ...fact, object: { [third]: ["common", fourth] } });
      await memory.remember({ ...fact, object: "common" });
      subjects.push({ id, marks });
    } else if (i % 4 === 2) {
      await memory.graph.createEntities([{ name: first, entityType: second, observations: ["common", long] }]);
      await memory.graph.deleteObservations([{ entityName: first, observations: [long] }]);
      await memory.graph.addObservations([{ entityName: first, contents: [`common ${fourth}`] }]);
      const id = memory.list({ kind: "entity", limit: 1000 }).records.at(-1)?.id ?? "";
      subjects.push({ id, marks });
      if (i % 8 === 2) await memory.forget(id);
    } else {
      const session = `${third} and ${first.repeat(6)}`;
      const id = await memory.addTurn(session, { role: first, text: `common ${long} ${fourth}` });
      subjects.push({ id, marks });
    }
    if (i % 50 === 49) await memory.db.checkpoint();
  }
  return subjects;
}

function answers(memory: Memory, subjects: readonly Subject[]): unknown {
  return subjects.map(({ id, marks }) => ({
    history: memory.history(id),
    found: marks.map((mark) =>
      memory.recall(mark, { validity: "any" }).hits.map(({ record, text }) => [record.id, text]),
    ),
    searched: marks.map((mark) => memory.graph.search(mark.slice(3, 9).toUpperCase())),
    past: memory.recall(marks[1], { tx: memory.history(id)[0].tx, validity: "any" }).hits.map(({ text }) => text),
  }));
}

test.each(isThorough ? ([4096, 8192] as const) : ([4096] as const))(
  "nothing of it is left, in pages of %i bytes",
  async (pageSize) => {
    const disk = new SimulatedDisk(1);
    const memory = new Memory(open("/db", { storage: disk, pageSize }));
    const subjects = await fill(memory, new Random(pageSize));
    const marks = subjects.flatMap((subject) => subject.marks);
    expect(findable(disk, marks)).toEqual(marks);
    const victims = subjects.filter((_, i) => i % 3 !== 0);
    const others = subjects.filter((_, i) => i % 3 === 0);
    const before = answers(memory, others);
    const [first, ...rest] = victims;
    await memory.forget(first.id, { erase: true });
    await memory.transaction((tx) => {
      for (const { id } of rest) tx.forget(id, { erase: true });
    });
    await memory.db.checkpoint();
    expect(
      findable(
        disk,
        victims.flatMap((subject) => subject.marks),
      ),
    ).toEqual([]);
    expect(answers(memory, others)).toEqual(before);
    for (const { id, marks } of victims) {
      expect(memory.get(id)).toBeUndefined();
      expect(() => memory.history(id)).toThrow("there is no record");
      for (const mark of marks) expect(memory.recall(mark, { validity: "any" }).hits).toEqual([]);
    }
    expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
    expect(memory.db.verify().problems).toEqual([]);
    memory.db.closeSync();
    const again = open("/db", { storage: disk });
    expect(answers(new Memory(again), others)).toEqual(before);
    again.closeSync();
  },
);

test("an id that two scopes have is gone when both have erased it", async () => {
  const disk = new SimulatedDisk(1);
  const memory = new Memory(open("/db", { storage: disk, pageSize: 4096 }));
  const random = new Random(7);
  const word = () => Array.from({ length: 24 }, () => random.pick([...LETTERS])).join("");
  const marks = Array.from({ length: 150 }, word);
  // So much alike that a branch has to tell them apart by all of it.
  const idsOf = (mark: string) => [`${mark}/1`, `${mark}/2`];
  const scopes = [memory.within("one"), memory.within("two")];
  for (const scope of scopes) {
    await scope.transaction((tx) => {
      for (const id of marks.flatMap(idsOf)) tx.remember({ id, text: "common" });
    });
  }
  await memory.db.checkpoint();
  const victims = marks.filter((_, i) => i % 3 !== 0);
  for (const scope of scopes) {
    expect(findable(disk, marks)).toEqual(marks);
    await scope.transaction((tx) => {
      for (const id of victims.flatMap(idsOf)) tx.forget(id, { erase: true });
    });
    await memory.db.checkpoint();
  }
  expect(findable(disk, victims)).toEqual([]);
  expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
  for (const scope of scopes) expect(scope.list({ kind: "fact" }).records).toHaveLength(100);
  memory.db.closeSync();
});

test("nothing is left of ids that begin alike, in the branches of any map, names in scopes among them", async () => {
  const disk = new SimulatedDisk(1);
  const db = open("/db", { storage: disk, pageSize: 4096 });
  const scopes = ["a", "b"].map((scope) => new Memory(db, { scope }));
  const random = new Random(1);
  const word = () => Array.from({ length: 24 }, () => random.pick([...LETTERS])).join("");
  const marks = Array.from({ length: 80 }, word);
  // Several ids of one beginning, so that what separates two of them has all of it.
  const idsOf = (mark: string) => [1, 2, 3].map((i) => `${mark.repeat(6)}${i}`);
  for (const id of marks.flatMap(idsOf)) {
    for (const memory of scopes) await memory.remember({ id, text: "common" });
  }
  await db.checkpoint();
  expect(findable(disk, marks)).toEqual(marks);
  const victims = marks.filter((_, i) => i % 3 !== 0);
  for (const id of victims.flatMap(idsOf)) {
    for (const memory of scopes) await memory.forget(id, { erase: true });
  }
  await db.checkpoint();
  expect(findable(disk, victims)).toEqual([]);
  db.closeSync();
});

test("the name of a session goes with its last turn, and its places begin again", async () => {
  const memory = new Memory(openMemory());
  const say = (text: string) => memory.addTurn("private", { role: "user", text });
  const [first, second] = [await say("one"), await say("two")];
  await memory.forget(second);
  await memory.forget(first, { erase: true });
  expect([...memory.db.map(SESSIONS.name).range()]).toEqual([[[1, "private"], 2]]);
  const third = await say("three");
  expect(memory.get(third)?.value).toMatchObject({ index: 2 });
  await memory.transaction((tx) => {
    for (const id of [second, third]) tx.forget(id, { erase: true });
    tx.addTurn("private", { role: "user", text: "four" });
  });
  // It was never without turns.
  const turns = memory.list({ kind: "turn", session: "private" }).records;
  expect(turns.map(({ value }) => value)).toMatchObject([{ index: 3, text: "four" }]);
  await memory.forget(turns[0].id, { erase: true });
  expect([...memory.db.map(SESSIONS.name).range()]).toEqual([]);
  expect(memory.get(await say("five"))?.value).toMatchObject({ index: 0 });
  expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
});

test("the path of a scope goes with its last record, and the scope can be used again", async () => {
  const memory = new Memory(openMemory());
  const ada = memory.within("people/ada");
  await memory.within("people/ada/notes").remember({ text: "a note" });
  const { id } = await ada.remember({ text: "likes tea" });
  await ada.graph.createEntities([{ name: "Ada", entityType: "person", observations: [] }]);
  const paths = () => [...memory.db.map(SCOPES.name).keys()];
  await ada.transaction((tx) => {
    // Both look the scope up before it would go.
    const { graph } = tx;
    tx.forget(id, { erase: true });
    tx.forget("e3", { erase: true });
    graph.deleteEntities(["nobody"]);
    graph.createEntities([{ name: "Bob", entityType: "person", observations: ["likes chess"] }]);
  });
  expect(paths()).toEqual(["people/ada", "people/ada/notes"]);
  expect(ada.recall("chess").hits).toHaveLength(1);
  await ada.forget("e4", { erase: true });
  expect(paths()).toEqual(["people/ada/notes"]);
  expect(ada.recall("chess tea note").hits.map(({ text }) => text)).toEqual(["a note"]);
  await ada.remember({ text: "likes coffee" });
  expect(ada.recall("coffee").hits).toHaveLength(1);
  expect(paths()).toEqual(["people/ada", "people/ada/notes"]);
  expect(inconsistencies(memory.db, { erased: true })).toEqual([]);
  expect(memory.db.verify().problems).toEqual([]);
});

test("who and why goes with the last record that a transaction wrote", async () => {
  const memory = new Memory(openMemory());
  const meta = { why: "Ada said so" };
  await memory.transaction(
    (tx) => {
      tx.remember({ id: "ada", text: "likes tea" });
      tx.remember({ id: "bob", text: "likes coffee" });
    },
    { meta },
  );
  await memory.remember({ id: "ada", text: "likes tea" }, { meta: { why: "Ada said it again" } });
  await memory.forget("ada", { erase: true }, { meta: { why: "a request" } });
  const metas = () => [...memory.db.transactions()].map((logged) => logged.meta);
  expect(metas()).toEqual([meta, undefined, { why: "a request" }]);
  expect(memory.explain("bob").transaction.meta).toEqual(meta);
  await memory.forget("bob", { erase: true });
  expect(metas()).toEqual([undefined, undefined, { why: "a request" }, undefined]);
  expect(memory.db.verify().problems).toEqual([]);
});
