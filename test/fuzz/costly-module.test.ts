/**
 * Modules that cost much are refused, or run until their fuel is used up. How long they take is for the long form,
 * `npm run fuzz -- --target modules`; what it found is refused here.
 */
import { expect, test } from "vitest";
import { effort, SEED } from "../effort.js";
import { Random } from "../harness/random.js";
import { assemble } from "../wasm/metered.js";
import { costlyModule, repeatCode, repeatedStatement } from "./costly-module.js";
import { timeModule } from "./module-time.js";

const MODULES = effort(12);

test(`${MODULES} costly modules, seed ${SEED}: refused, or run until their fuel is used up`, () => {
  for (let number = 0; number < MODULES; number++) {
    const { text, repeats } = costlyModule(new Random(Math.imul(SEED, 0x9e3779b1) ^ number));
    const time = timeModule(repeatCode(assemble(text), repeats));
    if (time !== undefined) expect(time.compileMs).toBeGreaterThanOrEqual(0);
  }
});

/** Each took 0.3 to 1 s to compile, in a function of 250 KB. */
test.each([
  "(memory.fill (i32.const 1) (i32.const 1) (i32.const 8))",
  "(memory.copy (i32.const 1) (i32.const 2) (i32.const 8))",
  "(table.fill $t (i32.const 0) (ref.func $callee) (i32.const 4))",
])("as often as a body holds it: %s", (statement) => {
  const bytesOf = (locals: number) => {
    const { text, repeats } = repeatedStatement(statement, locals);
    return repeatCode(assemble(text), repeats);
  };
  expect(timeModule(bytesOf(900))).toBeUndefined();
  expect(timeModule(bytesOf(9))).toBeDefined();
});
