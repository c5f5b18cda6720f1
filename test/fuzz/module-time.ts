/**
 * What a costly module takes in time. Guarantees: what only the first run takes, compiling, is told apart from what
 * each unit of fuel takes; on Linux, times are processor time of this thread, so other programs do not show.
 */
import { readFileSync } from "node:fs";
import wabt from "wabt";
import { LlmdbError } from "../../pager/error.js";
import { type RewrittenModule, rewriteModule } from "../../wasm/rewrite.js";
import { webAssembly } from "../../wasm/web-assembly.js";
import type { Random } from "../harness/random.js";
import { costlyModule, repeatCode } from "./costly-module.js";
import type { Trial } from "./trial.js";

/** Seven times what was the most on an idle machine. */
const MOST_NS_A_UNIT = 100;
/** Twice what was the most on an idle machine, of which half is rewriting: 1.2 s for 2 MB. */
const MOST_COMPILE_MS = 2400;
const FUEL = 2_000_000n;
const STACK = 65_536;
const PAGES = 1024;

/** What one module took. */
export interface ModuleTime {
  /** From the bytes to the end of the first run, less what the second run takes. */
  readonly compileMs: number;
  readonly nsPerUnit: number;
}

const assembler = await wabt();

/** Makes a module from the random numbers, and times it: a problem is what took too long twice. */
export async function timeMutant(random: Random, told: (use: string) => void): Promise<Trial> {
  const { text, repeats } = costlyModule(random);
  const bytes = repeatCode(assemble(text), repeats);
  const problems: string[] = [];
  told("rewrite, compile and run");
  let time = timeModule(bytes);
  if (time === undefined) return { opened: false, values: 0, typedErrors: 1, problems };
  if (isTooSlow(time)) {
    told("again");
    const again = timeModule(withAnotherName(bytes)) ?? time;
    time = {
      compileMs: Math.min(time.compileMs, again.compileMs),
      nsPerUnit: Math.min(time.nsPerUnit, again.nsPerUnit),
    };
    if (isTooSlow(time)) problems.push(`${bytes.length} bytes: ${JSON.stringify(time)}`);
  }
  return { opened: true, values: 1, typedErrors: 0, problems };
}

/** @returns undefined where the module is refused */
export function timeModule(bytes: Uint8Array<ArrayBuffer>): ModuleTime | undefined {
  const startMs = threadMs();
  const rewritten = rewriteOrRefuse(bytes);
  if (rewritten === undefined) return undefined;
  const { exports } = new webAssembly.Instance(new webAssembly.Module(rewritten.bytes));
  const instantiatedMs = threadMs();
  const first = spend(exports, rewritten);
  const second = spend(exports, rewritten);
  return {
    compileMs: instantiatedMs - startMs + Math.max(0, first.ms - second.ms),
    nsPerUnit: (second.ms * 1e6) / Math.max(1, second.units),
  };
}

/** One run until the fuel is used up; the same operations each time. */
function spend(exports: object, { injected }: RewrittenModule): { ms: number; units: number } {
  const fuel = globalOf(exports, injected.fuel);
  fuel.value = FUEL;
  globalOf(exports, injected.stack).value = STACK;
  globalOf(exports, injected.pages).value = PAGES;
  const run: unknown = Reflect.get(exports, "run");
  if (typeof run !== "function") throw new TypeError("the module has no function to run");
  const startMs = threadMs();
  try {
    run();
  } catch (error) {
    if (!(error instanceof webAssembly.RuntimeError)) throw error;
  }
  const ms = threadMs() - startMs;
  if (BigInt(fuel.value) >= 0n) throw new Error("a costly module ended before its fuel");
  return { ms, units: Number(FUEL - BigInt(fuel.value)) };
}

function globalOf(exports: object, name: string): { value: number | bigint } {
  const found: unknown = Reflect.get(exports, name);
  if (found instanceof webAssembly.Global) return found;
  throw new TypeError(`the module has no global ${name}`);
}

function isTooSlow({ compileMs, nsPerUnit }: ModuleTime): boolean {
  return compileMs > MOST_COMPILE_MS || nsPerUnit > MOST_NS_A_UNIT;
}

/** Time that this thread spent on a processor; elsewhere than on Linux, time that passed. */
function threadMs(): number {
  try {
    return Number(readFileSync("/proc/thread-self/schedstat", "latin1").split(" ")[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

/** V8 keeps what it compiled from the same bytes. */
function withAnotherName(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const section = [0, 3, 1, 0x78, 1];
  return new Uint8Array([...bytes, ...section]);
}

function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = assembler.parseWat("costly", text, {});
  try {
    module.resolveNames();
    module.validate();
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

function rewriteOrRefuse(bytes: Uint8Array): RewrittenModule | undefined {
  try {
    return rewriteModule(bytes);
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_WASM_REFUSED") return undefined;
    throw error;
  }
}
