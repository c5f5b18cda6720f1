/** Scopes: which paths there are, and that nothing outside of a memory's scope is ever seen or changed through it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import { open } from "../../temporal/open.js";
import { effort } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

const RUNS = effort(15);

const refused = [
  "",
  "..",
  ".",
  "a/..",
  "../b",
  "a/./b",
  "a//b",
  "/a",
  "a/",
  "a\\b",
  "a\0b",
  "\n",
  "\ud800",
  "a/\u0085",
];
refused.push("a".repeat(201), new Array(17).fill("a").join("/"), "/", "//");

test.each(refused)("no scope is %j", async (scope) => {
  const root = new Memory(open("/db", { storage: new SimulatedDisk(1) }));
  const memory = root.within("team");
  const { lastTx } = root.db.stats();
  const error = expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" });
  expect(() => new Memory(root.db, { scope })).toThrow(error);
  expect(() => memory.within(scope)).toThrow(error);
  expect(() => memory.recall("ada", { scope })).toThrow(error);
  expect(() => memory.list({ kind: "fact", scope })).toThrow(error);
  expect(() => memory.diff({ tx: 0 }, {}, { scope }).next()).toThrow(error);
  await expect(memory.remember({ text: "ada", scope })).rejects.toThrow(error);
  await expect(memory.addTurn("s", { role: "user", text: "ada", scope })).rejects.toThrow(error);
  expect(root.db.stats().lastTx).toBe(lastTx);
});

test("a root and what is below it together have the limits of one path", () => {
  const memory = new Memory(open("/db", { storage: new SimulatedDisk(1) }), { scope: "a".repeat(150) });
  expect(() => memory.within("b".repeat(50))).toThrow("200 characters");
  expect(memory.within("b".repeat(49)).root.length).toBe(200);
});

const place = fc.constantFrom("team", "team2", "team-x", "team/ada", "team2/ada", "");
const plans = fc.array(fc.record({ place, word: fc.constantFrom("oslo", "rome"), kind: fc.nat(4) }), {
  minLength: 3,
  maxLength: 15,
});

/** Every answer of a memory that could show something. */
function everything(memory: Memory, ids: readonly string[]): unknown {
  return {
    recall: ["oslo", "rome", "secret"].map((query) => memory.recall(query, { validity: "any", inherit: true })),
    past: memory
      .recall("oslo rome", { tx: Math.min(1, memory.db.stats().lastTx), validity: "any" })
      .hits.map(({ text, score }) => [text, score]),
    list: (["fact", "entity", "relation", "turn"] as const).map((kind) => memory.list({ kind, below: true })),
    graph: [
      memory.graph.read(),
      memory.graph.search(""),
      memory.graph.search("o"),
      memory.graph.open(["oslo", "rome"]),
    ],
    get: ids.map((id) => memory.get(id)),
    transactions: [...memory.transactions()],
    diff: [...memory.diff({ tx: 0 }, {})],
  };
}

test("nothing outside is seen, and nothing inside changes by what is done outside", { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(plans, plans, (inside, outside) => {
      const root = new Memory(open("/db", { storage: new SimulatedDisk(1) }));
      const write = ({ place, word, kind }: (typeof inside)[number], mark: string): string => {
        const memory = place === "" ? root : root.within(place);
        return memory.transactionSync((tx) => {
          if (kind === 0) return tx.addTurn("s", { role: "user", text: `${word} ${mark}` });
          if (kind === 1) tx.graph.createEntities([{ name: word, entityType: mark, observations: [] }]);
          if (kind === 2) tx.graph.createRelations([{ from: word, to: "oslo", relationType: mark }]);
          return tx.remember({ id: `${mark}/${place}/${word}`, text: `${word} ${mark}`, validFrom: 0 }).id;
        });
      };
      for (const one of inside) if (one.place.split("/")[0] === "team") write(one, "own");
      const team = root.within("team");
      const known = everything(team, []);
      const others = outside.filter((one) => one.place.split("/")[0] !== "team");
      const ids = others.map((one) => write(one, "secret"));
      expect(everything(team, [])).toEqual(known);
      expect(JSON.stringify(everything(team, ids))).not.toContain("secret");
      const { lastTx } = root.db.stats();
      for (const id of ids) {
        const missing = expect.objectContaining({ code: "LLMDB_NOT_FOUND" });
        expect(() => team.history(id)).toThrow(missing);
        expect(() => team.explain(id)).toThrow(missing);
        const forget = (erase: boolean) => () => team.transactionSync((tx) => tx.forget(id, { erase }));
        expect(forget(false)).toThrow(missing);
        expect(forget(true)).toThrow(missing);
        const rememberMine = () =>
          team.transactionSync((tx) => {
            expect(tx.remember({ id, text: "mine" })).toMatchObject({ id, replaced: [] });
            expect(tx.get(id)).toMatchObject({ text: "mine" });
            throw new Error("not kept");
          });
        expect(rememberMine).toThrow(/not kept|no record .* to correct/);
        expect(team.transactionSync((tx) => tx.get(id))).toBeUndefined();
      }
      for (const { tx } of root.transactions()) {
        if ([...team.transactions()].some((own) => own.tx === tx)) continue;
        expect(() => team.transactionSync((own) => own.undo(tx))).toThrow("nothing that can be undone here");
      }
      expect(root.db.stats().lastTx).toBe(lastTx);
      root.db.closeSync();
    }),
    { numRuns: RUNS },
  );
});
