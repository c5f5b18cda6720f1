/** Posting lists and their blocks against a sorted array. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BlockReader, BlockWriter, MAX_BLOCK_BYTES } from "../../../models/text/posting-block.js";
import {
  addPostings,
  type BlockKey,
  blockCount,
  type Posting,
  removePostings,
  scanPostings,
} from "../../../models/text/posting-list.js";
import { open } from "../../../temporal/open.js";
import { effort } from "../../effort.js";
import { SimulatedDisk } from "../../harness/simulated-disk.js";

const RUNS = effort(40);
const MAX = Number.MAX_SAFE_INTEGER;
const huge = fc.oneof(
  fc.nat(300),
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, 127, 128, 16383, 16384, 2 ** 32, MAX - 1, MAX),
);

test("a block gives back what was put in", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(huge, huge, huge)), fc.nat(), (rows, seed) => {
      const sorted = rows.map(([at, a, b]) => ({ at, extras: [a, b] })).sort((a, b) => a.at - b.at);
      const base = sorted.length === 0 ? 0 : seed % (sorted[0].at + 1);
      const writer = new BlockWriter();
      writer.begin(base);
      for (const { at, extras } of sorted) writer.add(at, extras);
      const reader = new BlockReader(2);
      reader.open(writer.finish(), base);
      const found: Posting[] = [];
      while (reader.next()) found.push({ at: reader.at, extras: [...reader.extras] });
      expect(found).toEqual(sorted);
    }),
  );
});

/** More equal numbers than a block has room for. */
const same = fc.tuple(huge, fc.integer({ min: 1, max: 500 })).map(([at, count]) => new Array<number>(count).fill(at));

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("add" as const),
      list: fc.nat(1),
      ats: fc.oneof(fc.array(huge, { maxLength: 150 }), same),
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("remove" as const), list: fc.nat(1), part: fc.nat(4) }) },
);

/** Equal numbers are told apart by their first extra. */
function compare(a: Posting, b: Posting): number {
  return a.at - b.at || a.extras[0] - b.extras[0];
}

test("a list in a map gives back what was put in and not taken out", { timeout: 300_000 }, () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 12 }), huge, huge, (steps, from, to) => {
      const db = open("/db", { storage: new SimulatedDisk(1), pageSize: 4096 });
      const lists: Posting[][] = [[], []];
      let serial = 0;
      for (const { op, list, ...rest } of steps) {
        db.transactionSync((tx) => {
          const map = tx.map<BlockKey, Uint8Array>("lists", { values: "bytes" });
          if (op === "add" && "ats" in rest) {
            const added = rest.ats.map((at) => ({ at, extras: [serial++] })).sort(compare);
            addPostings(map, ["term", list], added);
            lists[list].push(...added);
          } else if ("part" in rest) {
            const gone = lists[list].filter((_, i) => i % 5 <= rest.part);
            for (const posting of gone) {
              const isMeant = ({ extras }: Posting) => extras[0] === posting.extras[0];
              expect(removePostings(map, ["term", list], posting.at, 1, isMeant)).toEqual([posting]);
              expect(removePostings(map, ["term", list], posting.at, 1, isMeant)).toEqual([]);
            }
            lists[list] = lists[list].filter((posting) => !gone.includes(posting));
          }
        });
      }
      const map = db.map<BlockKey, Uint8Array>("lists", { values: "bytes" });
      for (const [list, expected] of lists.entries()) {
        const found: Posting[] = [];
        scanPostings(map, ["term", list], new BlockReader(1), (at, extras) => found.push({ at, extras: [...extras] }));
        expect(found.map(({ at }) => at)).toEqual(expected.map(({ at }) => at).sort((a, b) => a - b));
        expect(found.sort(compare)).toEqual(expected.sort(compare));
        const part: number[] = [];
        const [low, high] = from < to ? [from, to] : [to, from];
        const visit = (at: number) => part.push(at);
        scanPostings(map, ["term", list], new BlockReader(1), visit, { from: low, to: high });
        const inside = expected.map(({ at }) => at).filter((at) => at >= low && at <= high);
        expect(part.filter((at) => at >= low && at <= high)).toEqual(inside);
        expect(blockCount(map, ["term", list]) === 0).toBe(expected.length === 0);
      }
      for (const [key, bytes] of map.range()) {
        const reader = new BlockReader(1);
        const ats = new Set<number>();
        reader.open(bytes, Number(key.at(-1)));
        while (reader.next()) ats.add(reader.at);
        if (ats.size > 1) expect(bytes.length).toBeLessThan(MAX_BLOCK_BYTES + 160 * 24);
      }
      db.closeSync();
    }),
    { numRuns: RUNS },
  );
});
