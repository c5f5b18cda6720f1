/**
 * Reading and rewriting a module takes time that grows as the module does, whatever it is made of. Steps are counted by
 * V8, block by block, and not timed: four times as much of anything takes about four times as many.
 */
import { Session } from "node:inspector";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rewriteModule } from "../../wasm/rewrite.js";
import { joined, leb, moduleOf, name, section, times } from "./binary.js";

const session = new Session();

beforeAll(() => {
  session.connect();
  session.post("Profiler.enable");
  session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
});

afterAll(() => session.disconnect());

/** How often blocks of the sources in `wasm/` were entered. */
function stepsOf(body: () => void): number {
  const count = (): number => {
    let steps = 0;
    session.post("Profiler.takePreciseCoverage", (error, { result }) => {
      if (error !== null) throw error;
      for (const { url, functions: all } of result) {
        if (!/\/wasm\/[^/]*\.[jt]s$/.test(url)) continue;
        for (const { ranges } of all) for (const range of ranges) steps += range.count;
      }
    });
    return steps;
  };
  // What was counted before is forgotten.
  count();
  body();
  return count();
}

const each = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i));
const body = (code: ArrayLike<number> & Iterable<number>, locals: readonly number[] = [0]): Uint8Array => {
  const all = joined([locals, code, [0x0b]]);
  return joined([leb(all.length), all]);
};
const VOID = [0x60, 0, 0];
const one = (sections: readonly Uint8Array[], code: ArrayLike<number> & Iterable<number> = []): Uint8Array =>
  moduleOf(section(1, [VOID]), section(3, [[0]]), ...sections, section(10, [body(code)]));
const functions = (count: number, code: (i: number) => Uint8Array, type = VOID): Uint8Array =>
  moduleOf(
    section(1, [type]),
    section(
      3,
      each(count, () => [0]),
    ),
    section(10, each(count, code)),
  );
/** A type that no other has: its results are the bits of its number. */
const distinct = (i: number): number[] => [0x60, 0, 16, ...each(16, (bit) => (((i >> bit) & 1) === 1 ? 0x7f : 0x7e))];
/** Leaves its results in a loop, so that it is wrapped in a block of their type. */
const withResults = (type: readonly number[]): Uint8Array =>
  body(joined([[0x03, 0x40, 0x0b], ...type.slice(3).map((of) => (of === 0x7f ? [0x41, 0] : [0x42, 0]))]));

/** What a module may have many of, with a number of them. */
const shapes: Record<string, [number, (count: number) => Uint8Array]> = {
  "custom sections": [5000, (n) => moduleOf(joined(each(n, () => [0, 2, 1, 0x78])))],
  "names of functions": [
    1000,
    (n) => {
      const names = joined([leb(n), ...each(n, (i) => [...leb(i), 1, 0x78])]);
      const content = joined([name("name"), [1], leb(names.length), names]);
      return joined([functions(n, () => body([])), [0], leb(content.length), content]);
    },
  ],
  "the same names over and over": [
    500,
    (n) => {
      const content = joined([name("name"), ...each(n, () => [1, 4, 1, 0, 1, 0x78])]);
      return joined([one([]), [0], leb(content.length), content]);
    },
  ],
  "types, and a function of each": [
    1000,
    (n) => {
      const types = each(n, distinct);
      return moduleOf(section(1, types), section(3, each(n, leb)), section(10, types.map(withResults)));
    },
  ],
  "types, and functions of the last": [
    1000,
    (n) => {
      const types = each(n, distinct);
      const of = types.map(() => leb(n - 1));
      return moduleOf(section(1, types), section(3, of), section(10, Array(n).fill(withResults(types[n - 1]))));
    },
  ],
  imports: [
    1000,
    (n) =>
      moduleOf(
        section(1, [[0x60, 2, 0x7f, 0x7f, 0]]),
        section(
          2,
          each(n, () => [...name("llmdb"), ...name("log"), 0, 0]),
        ),
      ),
  ],
  globals: [
    1000,
    (n) =>
      one([
        section(
          6,
          each(n, () => [0x7f, 1, 0x41, 0, 0x0b]),
        ),
      ]),
  ],
  exports: [
    1000,
    (n) =>
      one([
        section(
          7,
          each(n, (i) => [...name(`${i}`), 0, 0]),
        ),
      ]),
  ],
  "element segments": [1000, (n) => one([section(4, [[0x70, 0, 1]]), section(9, Array(n).fill([1, 0, 1, 0]))])],
  elements: [
    1000,
    (n) =>
      moduleOf(
        section(1, [VOID]),
        section(3, Array(n).fill([0])),
        section(4, [[0x70, 0, ...leb(n)]]),
        section(9, [joined([[0, 0x41, 0, 0x0b], leb(n), ...each(n, leb)])]),
        section(10, Array(n).fill(body([0x41, 0, 0x11, 0, 0]))),
      ),
  ],
  "data segments": [1000, (n) => moduleOf(section(5, [[0, 1]]), section(11, Array(n).fill([1, 1, 0])))],
  "functions that do nothing": [1000, (n) => functions(n, () => body([]))],
  "functions that call the next": [1000, (n) => functions(n, (i) => body([0x10, ...leb((i + 1) % n)]))],
  "functions that call those before them": [
    500,
    (n) => functions(n, (i) => body(joined(each(Math.min(i, 20), (j) => [0x10, ...leb(i - 1 - j)])))),
  ],
  "locals that take from the next, the last one first": [100, (n) => chain(n, (i) => i)],
  "locals that take from the next, the first one first": [100, (n) => chain(n, (i) => n - 2 - i)],
  operations: [5000, (n) => one([], times(n, [0x41, 0, 0x1a]))],
  calls: [5000, (n) => one([], times(n, [0x10, 0]))],
  "targets of branches": [
    50,
    (n) => one([], joined(each(n, () => [0x02, 0x40, 0x41, 0, 0x0e, 64, ...times(65, [0]), 0x0b]))),
  ],
  "operations on floats": [1000, (n) => one([], joined([[0x43, 0, 0, 0, 0], times(n, [0x91]), [0x1a]]))],
};

/** Floats that go from local to local: what one holds depends on all that come before. */
function chain(count: number, order: (i: number) => number): Uint8Array {
  const float = [0x43, 0, 0, 0x80, 0x3f, 0x91, 0x21, ...leb(count - 1)];
  const moves = each(count - 1, (i) => [0x20, ...leb(order(i) + 1), 0x21, ...leb(order(i))]);
  // The last one holds what was loaded, too, so that all of them are mixed.
  const loaded = [0x41, 0, 0x2a, 2, 0, 0x21, ...leb(count - 1)];
  const code = joined([float, ...moves, loaded]);
  const sections = [section(5, [[0, 1]])];
  return moduleOf(
    section(1, [VOID]),
    section(3, [[0]]),
    ...sections,
    section(10, [body(code, [1, ...leb(count), 0x7d])]),
  );
}

test.for(Object.entries(shapes))("four times as many %s take four times as many steps", ([, [count, make]]) => {
  const steps = [count, count * 4].map((n) => {
    const module = make(n);
    return stepsOf(() => rewriteModule(module));
  });
  expect(steps[0]).toBeGreaterThan(count / 50);
  expect(steps[1] / steps[0]).toBeLessThan(5);
});

test("self-check: a search through all for each would be found", () => {
  const steps = [20, 80].map((n) => {
    const module = functions(n, () => body([]));
    return stepsOf(() => {
      for (let i = 0; i < n; i++) rewriteModule(module);
    });
  });
  expect(steps[1] / steps[0]).toBeGreaterThan(10);
});
