/** Searching the graph against looking into every text, whatever the texts and the query consist of. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { Memory } from "../../memory/memory.js";
import { open } from "../../temporal/open.js";
import { effort } from "../effort.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { inconsistencies } from "./consistency.js";

const RUNS = effort(60);
const pieces = ["a", "B", "ab", "ß", "ẞ", "İ", "ı", "I", "i̇", "e\u0301", "É", "😀", "Σ", "ς", "\0", "ﬁ", "K", " "];
const text = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 6 }).map((list) => list.join("")),
  fc.string({ unit: "binary", maxLength: 6 }).filter((one) => one.isWellFormed()),
);
const entity = fc.record({ name: text, entityType: text, observations: fc.array(text, { maxLength: 3 }) });

test("search finds what contains the query", () => {
  fc.assert(
    fc.property(fc.array(entity, { maxLength: 8 }), fc.array(text, { maxLength: 3 }), (entities, changed) => {
      const memory = new Memory(open("/db", { storage: new SimulatedDisk(1), pageSize: 4096 }));
      memory.transactionSync((tx) => tx.graph.createEntities(entities));
      memory.transactionSync((tx) => {
        if (entities.length === 0) return;
        tx.graph.addObservations([{ entityName: entities[0].name, contents: changed }]);
        if (entities.length > 2) tx.graph.deleteEntities([entities[1].name]);
      });
      const all = memory.graph.read().entities;
      const texts = entities.flatMap(({ name, entityType, observations }) => [name, entityType, ...observations]);
      const queries = new Set([...pieces, "\ud83d", "\ude00", "\ude00a", "", ...changed, ...texts]);
      for (const whole of texts) {
        for (let length = 1; length < 5; length++) queries.add(whole.slice(1, 1 + length));
      }
      for (const query of queries) {
        const expected = all.filter(({ name, entityType, observations }) =>
          [name, entityType, ...observations].some((one) => one.toLowerCase().includes(query.toLowerCase())),
        );
        expect(memory.graph.search(query).entities, JSON.stringify(query)).toEqual(expected);
      }
      expect(inconsistencies(memory.db)).toEqual([]);
      memory.db.closeSync();
    }),
    { numRuns: RUNS },
  );
});
