/**
 * The memory against the model: random histories, with transactions that are rolled back and a database that is
 * reopened; after each transaction all answers are those of replaying everything, and answers about the past stay.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import type { RecordKind } from "../../memory/record.js";
import type { Database } from "../../temporal/database.js";
import { open } from "../../temporal/open.js";
import { effort } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { inconsistencies } from "./consistency.js";
import { contains, MemoryModel, Refusal } from "./model.js";
import { runBoth, transaction } from "./model-operation.js";

const RUNS = effort(20);
const STEP_MS = 500;
const START_MS = 2500;
const QUERIES = ["ada works", "oslo", "acme node müsli i̇"];
const KINDS: RecordKind[] = ["fact", "entity", "relation", "turn"];
const PLACES = [
  { root: "" },
  { root: "a" },
  { root: "", scope: "a/b", inherit: true },
  { root: "a", scope: "b", inherit: true },
];

type Plan = typeof transaction extends fc.Arbitrary<infer T> ? T : never;

class Run {
  readonly #model = new MemoryModel();
  readonly #disk = new SimulatedDisk(1);
  #clockMs = START_MS;
  #db: Database;
  /** What was answered right after each transaction. */
  readonly #answers = new Map<number, unknown>();
  #erased = false;

  constructor() {
    this.#db = this.#open();
  }

  #open(): Database {
    return open("/db", { storage: this.#disk, pageSize: 4096, clock: () => this.#clockMs });
  }

  close(): void {
    this.#db.closeSync();
  }

  reopen(): void {
    this.close();
    this.#db = this.#open();
  }

  step(plan: Plan): void {
    this.#clockMs += STEP_MS;
    const memory = new Memory(this.#db, plan.root === "" ? {} : { scope: plan.root });
    const before = this.#db.stats().lastTx;
    let rollBack = () => {};
    try {
      memory.transactionSync((tx) => {
        rollBack = this.#model.begin(tx.id, this.#clockMs);
        for (const operation of plan.operations) runBoth(tx, this.#model, operation);
        if (plan.throws) throw new Refusal("on purpose");
        this.#model.settle();
      });
      if (this.#model.erasedIn(this.#db.stats().lastTx)) {
        this.#erased = true;
        this.#answers.clear();
      }
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      rollBack();
      expect(this.#db.stats().lastTx).toBe(before);
    }
  }

  compare(): void {
    const { lastTx } = this.#db.stats();
    this.#compareRecords();
    this.#compareLists();
    this.#compareRecall(lastTx);
    for (const [tx, answer] of this.#answers) expect(this.#answersAt(tx), `as of ${tx}`).toEqual(answer);
    this.#answers.set(lastTx, this.#answersAt(undefined));
  }

  compareWhole(): void {
    for (const tx of this.#answers.keys()) this.#compareRecall(tx);
    expect(inconsistencies(this.#db, { erased: this.#erased })).toEqual([]);
    expect(this.#db.verify().problems).toEqual([]);
  }

  #compareRecords(): void {
    const memory = new Memory(this.#db);
    for (const id of this.#model.allIds) {
      const versions = this.#model.versions(id).map(({ from, to, value, txFrom, txTo }) => {
        return { validFrom: from, validTo: to, value, tx: txFrom, txTo };
      });
      const found = memory.history(id).map(({ validFrom, validTo, value, tx, txTo }) => {
        return { validFrom, validTo, value, tx, txTo };
      });
      expect(found, id).toEqual(versions);
      for (const validAt of [0, 3000, this.#clockMs]) {
        expect(memory.get(id, { validAt })?.value).toEqual(this.#model.at(id, validAt)?.value);
        for (const tx of this.#answers.keys()) {
          expect(memory.get(id, { validAt, tx })?.value).toEqual(this.#model.at(id, validAt, tx)?.value);
        }
      }
    }
  }

  #compareLists(): void {
    const now = (id: string) => this.#model.at(id, this.#clockMs) !== undefined;
    for (const root of ["", "a"]) {
      const memory = new Memory(this.#db, root === "" ? {} : { scope: root });
      for (const kind of KINDS) {
        const shown = (id: string) => this.#model.shownId(id, root);
        const expected = this.#model
          .known(kind, (scope) => scope === root)
          .filter(now)
          .map(shown);
        expect(memory.list({ kind }).records.map(({ id }) => id)).toEqual(expected);
        const below = this.#model
          .known(kind, (scope) => contains(root, scope))
          .filter(now)
          .map(shown);
        const found: string[] = [];
        for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
          const page = memory.list({ kind, below: true, limit: 2, ...(cursor === undefined ? {} : { cursor }) });
          found.push(...page.records.map(({ id }) => id));
          cursor = page.cursor;
        }
        expect(found.toSorted()).toEqual(below.toSorted());
      }
      this.#compareSessions(memory, root);
      const graph = memory.graph.read();
      const value = (id: string) => {
        return Object.fromEntries(Object.entries(this.#model.at(id, this.#clockMs)?.value ?? {}).slice(1));
      };
      expect(graph.entities).toEqual(
        this.#model
          .known("entity", (scope) => scope === root)
          .filter(now)
          .map(value),
      );
      const relations = this.#model.known("relation", (scope) => scope === root).filter(now);
      expect(graph.relations).toEqual(relations.map(value));
      this.#compareSearch(memory);
    }
  }

  #compareSessions(memory: Memory, root: string): void {
    const turns = this.#model
      .known("turn", (scope) => scope === root)
      .flatMap((id) => {
        const value = this.#model.at(id, this.#clockMs)?.value;
        return value?.kind === "turn" ? [{ id, ...value }] : [];
      });
    for (const session of ["s", "t"]) {
      const expected = turns.filter((turn) => turn.session === session).sort((a, b) => a.index - b.index);
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const options = { kind: "turn", session, limit: 2 } as const;
        const page = memory.list(cursor === undefined ? options : { ...options, cursor });
        found.push(...page.records.map(({ id }) => id));
        cursor = page.cursor;
      } while (cursor !== undefined);
      expect(found).toEqual(expected.map(({ id }) => id));
    }
  }

  #compareSearch(memory: Memory): void {
    const graph = memory.graph.read();
    for (const query of ["", "a", "AD", "node", "i̇", "acme works", "zebra"]) {
      const entities = graph.entities.filter(({ name, entityType, observations }) =>
        [name, entityType, ...observations].some((text) => text.toLowerCase().includes(query.toLowerCase())),
      );
      const names = new Set(entities.map(({ name }) => name));
      const relations = graph.relations.filter(({ from, to }) => names.has(from) || names.has(to));
      expect(memory.graph.search(query)).toEqual({ entities, relations });
    }
    const opened = graph.entities.filter(({ name }) => name === "ada");
    expect(memory.graph.open(["ada", "ada", "nobody"]).entities).toEqual(opened);
  }

  /** The answers to all questions at a transaction; undefined: now. */
  #answersAt(tx: number | undefined): unknown {
    return PLACES.flatMap(({ root, ...place }) => {
      const memory = new Memory(this.#db, root === "" ? {} : { scope: root });
      return QUERIES.flatMap((query) =>
        (["only", "any"] as const).map((validity) => {
          const at = { validAt: 4000, ...(tx === undefined ? {} : { tx }) };
          const { hits } = memory.recall(query, { ...place, ...at, validity, limit: 5, halfLifeMs: 4000 });
          return hits.map(({ record, text, score }) => [record.id, text, score, record.validFrom, record.tx]);
        }),
      );
    });
  }

  #compareRecall(tx: number): void {
    for (const { root, scope, inherit } of PLACES) {
      const memory = new Memory(this.#db, root === "" ? {} : { scope: root });
      const path = [root, scope].filter(Boolean).join("/");
      const inScope = (one: string) =>
        contains(path, one) || (inherit === true && contains(root, one) && contains(one, path));
      for (const [i, query] of QUERIES.entries()) {
        const validity = (["only", "prefer", "any"] as const)[i];
        const place = { ...(scope === undefined ? {} : { scope }), ...(inherit === undefined ? {} : { inherit }) };
        const { hits, more } = memory.recall(query, { ...place, validity, validAt: 4000, tx, limit: 1000 });
        const expected = this.#model.recall(query, { tx, validAt: 4000, validity, inScope });
        expect(more).toBe(false);
        const shown = new Map([...expected].map(([id, hit]) => [this.#model.shownId(id, root), hit] as const));
        expect(hits.map(({ record }) => record.id).toSorted()).toEqual([...shown.keys()].toSorted());
        for (const [place, { record, text, score }] of hits.entries()) {
          const model = shown.get(record.id);
          expect(Math.abs(score - (model?.score ?? 0)), `${query}: ${text}`).toBeLessThan(1e-9);
          expect(model?.texts).toContain(text);
          if (place > 0) expect(score).toBeLessThanOrEqual(hits[place - 1].score);
        }
      }
    }
  }
}

test("a random history", { timeout: 1_000_000 }, () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(transaction, fc.nat(7)), { minLength: 1, maxLength: 12 }), (plans) => {
      const run = new Run();
      try {
        for (const [plan, chance] of plans) {
          run.step(plan);
          if (chance === 0) run.reopen();
          if (chance > 2) run.compare();
        }
        run.compare();
        run.compareWhole();
      } finally {
        run.close();
      }
    }),
    { numRuns: RUNS, interruptAfterTimeLimit: effort(60_000) },
  );
});
