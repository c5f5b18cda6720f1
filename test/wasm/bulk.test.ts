/** Operations that take long: they do what they did, in pieces, and a watchdog can stop a straight run of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Script } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { COPY, FILL } from "../../wasm/added-functions.js";
import { effort } from "../effort.js";
import { root } from "../sources.js";
import { assemble, Metered } from "./metered.js";
import { sectionsOf } from "./suite/outline.js";

const MIB = 1024 * 1024;
const PAGES = 64;
const BYTES = PAGES * 65_536;

const WHOLE = assemble(`(module (memory (export "memory") ${PAGES})
  (data $d "0123456789abcdef") (table $t 10 funcref) (elem $e func $f $f $f) (func $f)
  (func (export "fill") (param i32 i32 i32) (memory.fill (local.get 0) (local.get 1) (local.get 2)))
  (func (export "copy") (param i32 i32 i32) (memory.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "init") (param i32 i32 i32) (memory.init $d (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tableFill") (param i32 i32 i32)
    (table.fill $t (local.get 0) (ref.func $f) (local.get 2)) (drop (local.get 1)))
  (func (export "tableCopy") (param i32 i32 i32) (table.copy (local.get 0) (local.get 1) (local.get 2)))
  (func (export "tableInit") (param i32 i32 i32) (table.init $t $e (local.get 0) (local.get 1) (local.get 2)))
  (func (export "look") (result i32) (local i32 i32)
    (loop
      (local.set 1 (i32.or (i32.shl (local.get 1) (i32.const 1)) (ref.is_null (table.get $t (local.get 0)))))
      (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))
    (local.get 1)))`);

test("copying and filling do what they did, whatever the lengths, with what overlaps and what is out of bounds", () => {
  const [before, after] = [new Metered(WHOLE, false), new Metered(WHOLE)];
  const [one, other] = [before, after].map(({ memory }) => Buffer.from(memory.buffer));
  for (let i = 0; i < BYTES; i += 4) one.writeUInt32LE(Math.imul(i, 0x9e3779b1) >>> 0, i);
  one.copy(other);
  const edge = (around: number) => fc.integer({ min: Math.max(0, around - 3), max: around + 3 });
  const length = fc.oneof(...[0, 1024, MIB, 2 * MIB, BYTES / 2, BYTES, 4_294_967_290].map(edge), fc.nat(BYTES));
  const place = fc.oneof(...[0, MIB, BYTES - MIB, BYTES, 4_294_967_290].map(edge), fc.nat(BYTES));
  fc.assert(
    fc.property(
      fc.constantFrom("fill", "copy"),
      place,
      fc.oneof(place, fc.constant(-1)),
      length,
      (name, to, from, n) => {
        // Close to each other, so that they overlap.
        const source = from < 0 ? to + (n % 5) - 2 : from;
        const expected = before.call(name, to | 0, source | 0, n | 0);
        expect(after.call(name, to | 0, source | 0, n | 0)).toEqual(expected);
        expect(one.equals(other)).toBe(true);
      },
    ),
    {
      numRuns: effort(150),
      examples: [
        ["copy", 0, 1, BYTES - 1],
        ["copy", 1, 0, BYTES - 1],
        ["copy", MIB, 0, 3 * MIB],
      ],
    },
  );
});

test("the other operations do what they did", () => {
  const [before, after] = [new Metered(WHOLE, false), new Metered(WHOLE)];
  const names = fc.constantFrom("init", "tableFill", "tableCopy", "tableInit");
  const small = fc.oneof(fc.nat(18), fc.constant(-1));
  fc.assert(
    fc.property(names, small, small, small, (name, to, from, n) => {
      expect(after.call(name, to, from, n)).toEqual(before.call(name, to, from, n));
      expect(after.call("look")).toEqual(before.call("look"));
      const [one, other] = [before, after].map(({ memory }) => Buffer.from(memory.buffer, 0, 64));
      expect(other).toEqual(one);
    }),
    { numRuns: effort(200) },
  );
});

test("the functions that are added are those in their comments", () => {
  const source = readFileSync(join(root, "wasm/added-functions.ts"), "utf8");
  const texts = [...source.matchAll(/```wat\n([\s\S]*?)```/g)].map(([, text]) => text.replace(/^ \* ?/gm, ""));
  const bodies = texts.map((text) => {
    const bytes = assemble(`(module (memory 1) ${text})`);
    const code = sectionsOf(bytes).find(({ id }) => id === 10);
    const from = 1 + (code?.start ?? 0);
    // The number of bodies, and the length of the only one.
    return Buffer.from(bytes.slice(from + (bytes[from] < 0x80 ? 1 : 2), code?.end)).toString("hex");
  });
  expect(bodies).toEqual([FILL, COPY]);
});

const slot: { run: () => unknown } = { run: () => undefined };
Object.defineProperty(globalThis, "llmdbBulkTest", { value: slot });
const script = new Script("llmdbBulkTest.run()");

test.for([
  ["memory.fill", "(memory.fill (i32.const 0) (i32.const 7) (i32.const 67108864))"],
  ["memory.copy", "(memory.copy (i32.const 1) (i32.const 0) (i32.const 67108863))"],
  ["memory.init", "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1000000))"],
  ["table.fill", "(table.fill $t (i32.const 0) (ref.func $f) (i32.const 65535))"],
  ["table.copy", "(table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 65534))"],
  ["table.init", "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 40000))"],
])("a straight run of %s is stopped in the middle", ([, operation]) => {
  const module = new Metered(
    assemble(`(module (memory 1024) (table $t 65535 funcref) (elem $e func ${"$f ".repeat(40_000)})
      (data $d "${"x".repeat(1_000_000)}") (func $f)
      (func (export "one") ${operation}) (func (export "many") ${`${operation}\n`.repeat(500)}))`),
  );
  const granted = 1n << 60n;
  module.grant(granted, 1024);
  module.call("one");
  const fuelOfOne = granted - module.fuelLeft;
  module.grant(granted, 1024);
  slot.run = module.function("many");
  expect(() => script.runInThisContext({ timeout: 10 })).toThrow(/timed out/);
  // Without a place to stop at, all of it has run by now.
  expect(granted - module.fuelLeft).toBeLessThan(fuelOfOne * 400n);
});
