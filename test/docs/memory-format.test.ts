/**
 * The maps of the memory as `docs/format.md` has them: what a second reader, written from that page, finds in them
 * is what follows from the versions of the records.
 */
import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { afterAll, expect, test } from "vitest";
import { type Key, openMemory } from "../../index.js";
import { english, Memory, type RecordValue } from "../../memory/index.js";
import { numbersFrom } from "./contents.js";

const db = openMemory();
const memory = new Memory(db);
afterAll(() => db.closeSync());

const NOUNS = ["door", "lamp", "port", "river", "server", "ünï", "日本"];
const below = numbersFrom(11);
const words = (count: number) => Array.from({ length: count }, () => NOUNS[below(NOUNS.length)]).join(" ");

/** Records of all kinds in two scopes, corrected, withdrawn and erased. */
function step(i: number): void {
  memory.transactionSync((tx) => {
    const kind = below(7);
    const scope = below(2) === 0 ? {} : { scope: "inner" };
    if (kind < 2)
      tx.remember({ ...scope, subject: `s${below(9)}`, predicate: "is", object: { of: words(2), no: null } });
    else if (kind === 2 && i % 2 === 0)
      tx.remember({ id: `given/${below(9)}`, object: [words(1), i % 5], text: words(3) });
    else if (kind === 2) tx.remember({ ...scope, text: words(30), tags: ["tag"], validFrom: "2020", validTo: "2021" });
    else if (kind === 3) tx.addTurn("talk", { ...scope, role: "user", text: words(5) });
    else if (kind === 4) tx.graph.createEntities([{ name: `n${below(9)}`, entityType: "t", observations: [words(2)] }]);
    else if (kind === 5) tx.graph.createRelations([{ from: `n${below(9)}`, to: `n${below(9)}`, relationType: "to" }]);
    else if (below(3) === 0) tx.graph.deleteEntities([`n${below(9)}`]);
    else for (const id of [...db.map<[string]>("memory/records").keys()].slice(i % 40, (i % 40) + 1)) tx.forget(id[0]);
    if (i % 50 === 49) tx.forget([...db.map<[string]>("memory/records").keys()][below(20)][0], { erase: true });
  });
}
const STEPS = 600;
for (let i = 0; i < STEPS; i++) step(i);

interface Entry {
  kind: string;
  scope: number;
  number: number;
  digest: Uint8Array;
  place: number;
  documents: [number, number][];
}
const records = [...db.map<[string], Entry>("memory/records").range()].map(([[id], entry]) => ({ id, ...entry }));
const versions = new Map(
  records.map(({ id }) => [id, db.versions(id).map((v) => ({ ...v, value: plainValue(v.value) }))]),
);
const isKnown = ({ txTo }: { txTo: number }) => txTo === Infinity;

function plainValue(value: unknown): RecordValue {
  return JSON.parse(JSON.stringify(value));
}

function said(value: unknown): string {
  if (Array.isArray(value)) return value.map(said).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  const fields = Object.entries(value).filter(([, inner]) => inner !== null);
  return fields.map(([name, inner]) => `${name} ${said(inner)}`).join(", ");
}

function texts(value: RecordValue): string[] {
  if (value.kind === "relation") return [`${value.from} ${value.relationType} ${value.to}`];
  if (value.kind === "turn") return [value.text];
  if (value.kind === "entity") {
    return [`${value.name} (${value.entityType})`, ...value.observations.map((one) => `${value.name}: ${one}`)];
  }
  const { subject, predicate, object, text, tags = [] } = value;
  const statement = [object === undefined ? undefined : said(object), text].filter((part) => part !== undefined);
  const parts = [subject, predicate, statement.join(". ")].filter((part) => part !== undefined);
  return [`${parts.join(" ")}${tags.length === 0 ? "" : ` #${tags.join(" #")}`}`];
}

/** The lists of a map of blocks: by name, each posting with its extras. */
function listsOf(name: string, extras: number): Map<string, number[][]> {
  const lists = new Map<string, number[][]>();
  const map = db.map<Key[]>(name);
  for (const key of map.keys()) {
    const bytes = map.getBytes(key) ?? new Uint8Array(0);
    const list = JSON.stringify(key.slice(0, -1));
    const known = lists.get(list) ?? [];
    const base = Number(key.at(-1));
    let at = 0;
    const count = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++];
        value += (byte % 128) * scale;
        if (byte < 128) return value;
      }
    };
    expect(bytes.length).toBeGreaterThan(0);
    if (known.length > 0) expect(base).toBeGreaterThan(known[known.length - 1][0]);
    for (let number = base; at < bytes.length; ) {
      number += count();
      known.push([number, ...Array.from({ length: extras }, count)]);
    }
    lists.set(list, known);
  }
  return lists;
}

/** The texts that records had after a transaction, as [scope, id, hash], in order. */
function knownAfter(tx: number): [number, string, string][] {
  return records.flatMap(({ id, scope }) => {
    const then = (versions.get(id) ?? []).filter(({ txFrom, txTo }) => txFrom <= tx && tx < txTo);
    const different = new Set(then.flatMap(({ value }) => texts(value)));
    return [...different].map((text): [number, string, string] => [scope, id, text]);
  });
}

interface Document {
  id: string;
  hash: number;
  scope: number;
  terms: string;
}

test("the lists of terms say which documents were known after each transaction", () => {
  const known = listsOf("memory/terms", 2);
  const past = listsOf("memory/past-terms", 3);
  const documents = new Map(db.map<number, Document>("memory/documents").range());
  const totals = [...db.map<[number, number], number[]>("memory/totals").range()];
  expect(known.size).toBeGreaterThan(10);
  expect(past.size).toBeGreaterThan(10);
  const last = db.stats().lastTx;
  const scopes = [...new Set(records.map(({ scope }) => scope))];
  for (let tx = last; tx > 0; tx -= 37) {
    const expected: string[] = [];
    for (const [scope, id, text] of knownAfter(tx)) {
      const terms = english.terms(text);
      for (const term of new Set(terms)) {
        const often = terms.filter((one) => one === term).length;
        expected.push(JSON.stringify([term, scope, id, crc32(text), often, terms.length]));
      }
    }
    const read: string[] = [];
    for (const scope of scopes) {
      const next = totals.findLast(([[of, at]]) => of === scope && at <= tx)?.[1][2] ?? 0;
      const take = (list: string, [document, often, length]: number[]) => {
        const [term, of] = JSON.parse(list);
        const entry = documents.get(document);
        if (of === scope && document < next)
          read.push(JSON.stringify([term, of, entry?.id, entry?.hash, often, length]));
      };
      for (const [list, postings] of known) for (const posting of postings) take(list, posting);
      for (const [list, postings] of past) {
        for (const [end, ...posting] of postings) if (end > tx) take(list, posting);
      }
    }
    expect(read.sort()).toEqual(expected.sort());
  }
});

test("totals count what is known, and documents-of says until when", () => {
  const totals = [...db.map<[number, number], number[]>("memory/totals").range()];
  const now = knownAfter(db.stats().lastTx);
  for (const scope of new Set(records.map((record) => record.scope))) {
    const own = now.filter(([of]) => of === scope);
    const [count, terms] = totals.findLast(([[of]]) => of === scope)?.[1] ?? [];
    expect(count).toBe(own.length);
    expect(terms).toBe(own.reduce((sum, [, , text]) => sum + english.terms(text).length, 0));
  }
  const open = [...db.map<[string, number], number>("memory/documents-of").range()].filter(([, end]) => end === 0);
  expect(open.map(([[id]]) => id).sort()).toEqual(now.map(([, id]) => id).sort());
});

function digest(parts: unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}

test("identities, order, edges and turns are those of the records", () => {
  const order: unknown[] = [];
  const edges: unknown[] = [];
  for (const { id, kind, scope, place, digest: stored } of records) {
    const all = versions.get(id) ?? [];
    const [value] = all.map((version) => version.value);
    if (value === undefined) continue;
    const { subject, predicate, object, text } = value.kind === "fact" ? value : {};
    const identity = {
      entity: () => (value.kind === "entity" ? [value.name] : []),
      relation: () => (value.kind === "relation" ? [value.from, value.to, value.relationType] : []),
      turn: () => (value.kind === "turn" ? [value.session, value.index] : []),
      fact: () =>
        id.startsWith("given/")
          ? [id]
          : predicate === undefined
            ? [subject, predicate, object, text]
            : [subject, predicate],
    }[value.kind]();
    expect([id, Buffer.from(stored).toString("hex")]).toEqual([id, digest(identity)]);
    expect(place > 0).toBe(all.some(isKnown));
    if (place === 0) continue;
    order.push([scope, kind, place, id]);
    if (value.kind !== "relation") continue;
    for (const end of new Set([value.from, value.to])) edges.push([scope, digest([end]), place, id]);
  }
  const text = (entries: unknown[]) => entries.map((entry) => JSON.stringify(entry)).sort();
  const readOrder = [...db.map<Key[], string>("memory/order").range()].map(([key, id]) => [...key, id]);
  const readEdges = [...db.map<[number, Uint8Array, number], string>("memory/edges").range()];
  expect(text(readOrder)).toEqual(text(order));
  expect(
    text(readEdges.map(([[scope, end, place], id]) => [scope, Buffer.from(end).toString("hex"), place, id])),
  ).toEqual(text(edges));
  for (const [[, session, index], id] of db.map<[number, string, number], string>("memory/turns").range()) {
    expect(versions.get(id)?.[0].value).toMatchObject({ kind: "turn", session, index });
  }
});

test("grams are those of the entities that are known", () => {
  const expected = new Set<string>();
  for (const { id, scope, place } of records) {
    const value = versions.get(id)?.find(isKnown)?.value;
    if (value?.kind !== "entity") continue;
    for (const one of [value.name, value.entityType, ...value.observations]) {
      const padded = `${one.toLowerCase()}\0\0`;
      for (let i = 0; i + 3 <= padded.length; i++) {
        const [a, b, c] = [0, 1, 2].map((n) => padded.charCodeAt(i + n));
        expected.add(JSON.stringify([scope, a * 2 ** 32 + b * 2 ** 16 + c, place]));
      }
    }
  }
  const read = [...listsOf("memory/grams", 0)].flatMap(([list, postings]) =>
    postings.map(([place]) => JSON.stringify([...JSON.parse(list), place])),
  );
  expect(expected.size).toBeGreaterThan(10);
  expect(read.sort()).toEqual([...expected].sort());
});

test("about has the next numbers", () => {
  const about = db.map<string, Record<string, unknown>>("memory/about").get("memory");
  expect(about).toMatchObject({ format: 1, analyzer: "english-1" });
  expect(about?.records).toBeGreaterThan(Math.max(...records.map(({ number }) => number)));
});
