/**
 * The bits of NaN: what a rewritten function stores is what it stores when every NaN that an operation makes is given
 * its bits at once; and bits that come from memory, constants and parameters are kept.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { rewriteModule } from "../../wasm/rewrite.js";
import { bytesOfText } from "../../wasm/text-format.js";
import { exportedFunction, exportedGlobal, exportedMemory, webAssembly } from "../../wasm/web-assembly.js";
import { effort } from "../effort.js";
import { floatProgram, moduleOf } from "./float-program.js";

/** Numbers, infinities and NaN with bits of all kinds, as f64 and as f32. */
const memory = new Uint8Array(256);
const view = new DataView(memory.buffer);
[0x7ff0_0000_0000_0001n, 0xfff8_0000_dead_beefn, 0x7ff8_0000_0000_0000n, 0x8000_0000_0000_0000n].forEach((bits, i) => {
  view.setBigUint64(i * 16, bits, true);
  view.setBigUint64(i * 16 + 8, bits ^ 0x0000_0000_ffc0_0001n, true);
});
[1.5, -2, 1e300, Number.POSITIVE_INFINITY, 0].forEach((value, i) => {
  view.setFloat64(64 + i * 16, value, true);
});
[0x7f80_0001, 0xffc0_1234, 0x3f80_0000, 0xff80_0000].forEach((bits, i) => {
  view.setUint32(160 + i * 4, bits, true);
});

async function stored(text: string, floats: "canonical" | "fast"): Promise<string> {
  const { bytes, injected } = rewriteModule(await bytesOfText(text), { floats, imports: "any" });
  const instance = new webAssembly.Instance(new webAssembly.Module(bytes));
  exportedGlobal(instance, injected.fuel).value = 10_000_000n;
  exportedGlobal(instance, injected.stack).value = 65_536;
  const { buffer } = exportedMemory(instance, "memory");
  new Uint8Array(buffer).set(memory);
  exportedFunction(instance, "run")();
  return Buffer.from(buffer, 0, 1024).toString("hex");
}

/** Programs that were found to differ, and what they should do. */
test.each([
  [
    "(local.set $v128b (local.tee $v128a #))",
    "(f64x2.min (v128.load (i32.const 0)) (v128.load (i32.const 0)))",
    "$f64x2",
  ],
  ["(local.set $f32b (local.tee $f32a (f32.const -nan:0x200001))) (local.set $f32b (local.get $f32a))", "", ""],
])("regression: %s", async (text, operation, close) => {
  const plain = moduleOf(text.replace("#", operation));
  const closed = moduleOf(text.replace("#", `(call ${close} ${operation})`));
  expect(await stored(plain, "canonical")).toBe(await stored(closed, "fast"));
});

test("a NaN is given its bits wherever they can be seen, and nowhere else", async () => {
  const property = fc.asyncProperty(floatProgram, async ({ plain, closed }) => {
    expect(await stored(plain, "canonical")).toBe(await stored(closed, "fast"));
  });
  await fc.assert(property, { numRuns: effort(200) });
}, 120_000);
