/**
 * What becomes of a module that nobody wrote: it is refused by the one error there is for that, or it runs within its
 * limits, ends in a result or a trap, and does so again in the same way.
 */
import { createContext, Script } from "node:vm";
import { LlmdbError } from "../../../pager/error.js";
import { type RewrittenModule, rewriteModule } from "../../../wasm/rewrite.js";
import { type CompiledModule, type WasmGlobal, webAssembly } from "../../../wasm/web-assembly.js";
import { type Outline, outlineOf } from "../suite/outline.js";

const fuel = 1_000_000n;
const stack = 65_536;
const pages = 64;
/** A backstop: fuel ends a call long before. */
const timeout = 5_000;

const context = createContext({ call: undefined });
const script = new Script("call()");

/** What happened, as text: the same for the same module. */
export interface Trial {
  readonly accepted: boolean;
  readonly calls: number;
  readonly traps: number;
  readonly outOfFuel: number;
}

/** @throws where a module does what none may do */
export function tryModule(bytes: Uint8Array<ArrayBuffer>): Trial {
  const rewritten = rewriteOrRefuse(bytes);
  if (rewritten === undefined) return { accepted: false, calls: 0, traps: 0, outOfFuel: 0 };
  if (!webAssembly.validate(rewritten.bytes)) throw new Error("what was written is not valid");
  const module = new webAssembly.Module(rewritten.bytes);
  const outline = outlineOf(bytes);
  const first = runAll(module, rewritten, outline);
  const second = runAll(module, rewritten, outline);
  if (first.join() !== second.join()) throw new Error(`once ${first.join()}, then ${second.join()}`);
  const traps = first.filter((one) => one.startsWith("trap")).length;
  const outOfFuel = first.filter((one) => one.endsWith("fuel")).length;
  return { accepted: true, calls: first.length, traps, outOfFuel };
}

function rewriteOrRefuse(bytes: Uint8Array): RewrittenModule | undefined {
  try {
    return rewriteModule(bytes);
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_WASM_REFUSED") return undefined;
    throw error;
  }
}

const host = {
  llmdb: { clock_us: () => 1n, log: () => undefined, get: () => -1, get_from: () => -1 },
  env: { abort: () => undefined },
};

function runAll(module: CompiledModule, { injected }: RewrittenModule, outline: Outline): string[] {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = new webAssembly.Instance(module, host).exports;
  } catch (error) {
    if (error instanceof webAssembly.RuntimeError) return ["does not start"];
    throw error;
  }
  const meters = [injected.fuel, injected.stack, injected.pages].map((name) => exports[name]);
  const [fuelLeft, stackLeft, pagesLeft] = meters.filter((meter) => meter instanceof webAssembly.Global);
  const outcomes: string[] = [];
  const call = (run: unknown, params: readonly number[]): void => {
    if (typeof run !== "function") throw new Error("no function");
    [fuelLeft.value, stackLeft.value, pagesLeft.value] = [fuel, stack, pages];
    outcomes.push(outcomeOf(() => run(...params.map(argument)), fuelLeft, stackLeft));
  };
  if (injected.start !== null) call(exports[injected.start], []);
  for (const { name, kind, index } of outline.exports) {
    if (kind !== 0) continue;
    const { params, results } = outline.functions[index];
    if (![...params, ...results].includes(0x7b)) call(exports[name], params);
  }
  return outcomes;
}

function argument(type: number, index: number): unknown {
  if (type === 0x7e) return BigInt(index + 2);
  return type === 0x70 || type === 0x6f ? null : index + 2;
}

function outcomeOf(call: () => unknown, fuelLeft: WasmGlobal, stackLeft: WasmGlobal): string {
  try {
    context.call = call;
    script.runInContext(context, { timeout });
  } catch (error) {
    if (!(error instanceof webAssembly.RuntimeError)) throw error;
    const why = fuelLeft.value < 0n ? "fuel" : stackLeft.value < 0 ? "stack" : error.message;
    return `trap after ${fuelLeft.value} ${why}`;
  }
  if (fuelLeft.value < 0n) throw new Error(`returned with ${fuelLeft.value} fuel`);
  if (stackLeft.value !== stack) throw new Error(`returned with ${stackLeft.value} units of stack`);
  return `returned with ${fuelLeft.value}`;
}
