/**
 * One side of the comparison: the instances of a script, made of the modules as they are or as they were rewritten.
 *
 * Guarantees: before each call from outside every meter is full; what a call used is counted over all instances that
 * it can reach.
 */
import { DEFAULT_LIMITS, type ShapeLimits } from "../../../wasm/limits.js";
import { type RewrittenModule, rewriteModule } from "../../../wasm/rewrite.js";
import { type WasmGlobal, webAssembly } from "../../../wasm/web-assembly.js";
import type { Value } from "./literal.js";
import { type Outline, outlineOf } from "./outline.js";
import { Port } from "./port.js";

/** `stack` and `memory` are those of the meters, `engineStack` is that of V8. */
export type Failure = "trap" | "stack" | "memory" | "engineStack" | "link";

/** What a call or an instantiation came to. */
export type Outcome =
  | { readonly kind: "values"; readonly values: readonly Value[]; readonly fuel: bigint }
  | { readonly kind: Failure; readonly message: string; readonly fuel: bigint };

const fullFuel = 1n << 62n;
const fullStack = 65_536;
const maxPages = 65_536;

/** The suite declares tables and memories of every size; what it needs is let through. */
const limits: ShapeLimits = {
  ...DEFAULT_LIMITS,
  locals: 50_000,
  parameters: 1000,
  branchTargets: 100_000,
  memoryPages: maxPages,
  tableEntries: 10_000_000,
};

export function rewriteForSuite(bytes: Uint8Array): RewrittenModule {
  return rewriteModule(bytes, { imports: "any", limits });
}

/** The globals that the rewriter added to an instance. */
class Meters {
  private readonly fuel: WasmGlobal;
  private readonly stack: WasmGlobal;
  private readonly pages: WasmGlobal;

  private constructor(fuel: WasmGlobal, stack: WasmGlobal, pages: WasmGlobal) {
    this.fuel = fuel;
    this.stack = stack;
    this.pages = pages;
  }

  static of(exports: Readonly<Record<string, unknown>>, { injected }: RewrittenModule): Meters {
    const [fuel, stack, pages] = [exports[injected.fuel], exports[injected.stack], exports[injected.pages]];
    if (!(fuel instanceof webAssembly.Global) || !(stack instanceof webAssembly.Global)) throw new Error("no meters");
    if (!(pages instanceof webAssembly.Global)) throw new Error("no meter of pages");
    const meters = new Meters(fuel, stack, pages);
    fuel.value = fullFuel;
    meters.fill();
    return meters;
  }

  fill(): void {
    this.stack.value = fullStack;
    this.pages.value = maxPages;
  }

  get fuelLeft(): bigint {
    return BigInt(this.fuel.value);
  }

  get tooDeep(): boolean {
    return this.stack.value < 0;
  }

  get tooLarge(): boolean {
    return this.pages.value < 0;
  }
}

/** An instance with what is needed to call it. */
export class Member {
  private readonly ports = new Map<string, Port>();

  readonly exports: Readonly<Record<string, unknown>>;
  private readonly outline: Outline;
  readonly meters: Meters | undefined;
  /** False where older engines do not have what it is made of. */
  readonly portable: boolean;

  constructor(
    exports: Readonly<Record<string, unknown>>,
    outline: Outline,
    meters: Meters | undefined,
    portable: boolean,
  ) {
    this.exports = exports;
    this.outline = outline;
    this.meters = meters;
    this.portable = portable;
  }

  get importsMemory(): boolean {
    return this.outline.imports.some(({ kind }) => kind === 2);
  }

  has(field: string): boolean {
    return this.outline.exports.some(({ name }) => name === field);
  }

  port(field: string): Port {
    const known = this.ports.get(field);
    if (known !== undefined) return known;
    const found = this.outline.exports.find(({ name }) => name === field);
    if (found === undefined) throw new Error(`nothing is exported as ${field}`);
    const port =
      found.kind === 3
        ? Port.ofGlobal(this.outline.globals[found.index], this.exports[field])
        : Port.ofFunction(this.outline.functions[found.index], this.exports[field]);
    this.ports.set(field, port);
    return port;
  }
}

export class Side {
  private readonly registered = new Map<string, Member>();
  private readonly metered: Meters[] = [];
  private readonly imports: Record<string, Record<string, unknown>> = { spectest: spectest() };

  private unfinished = 0;

  private readonly rewriting: boolean;

  constructor(rewriting: boolean) {
    this.rewriting = rewriting;
  }

  /**
   * True once an instantiation failed: it may have left functions in the table of another instance, and nobody can fill
   * its meters, so that they trap at once. No module of a database shares a table.
   */
  get hasOrphans(): boolean {
    return this.unfinished > 0;
  }

  /** The member that was made, or why none was. */
  instantiate(bytes: Uint8Array<ArrayBuffer>, portable: boolean): Member | Outcome {
    const outline = outlineOf(bytes);
    const rewritten = this.rewriting ? rewriteForSuite(bytes) : undefined;
    const module = new webAssembly.Module(rewritten ? new Uint8Array(rewritten.bytes) : bytes);
    const together = portable && outline.imports.every((entry) => this.registered.get(entry.module)?.portable ?? true);
    let made: Member | undefined;
    const outcome = this.watch(() => {
      this.unfinished++;
      const { exports } = new webAssembly.Instance(module, this.imports);
      const meters = rewritten && Meters.of(exports, rewritten);
      if (meters) this.metered.push(meters);
      const start = rewritten?.injected.start;
      if (typeof start === "string") callStart(exports[start]);
      made = new Member(exports, outline, meters, together);
      this.unfinished--;
      return [];
    });
    return outcome.kind === "values" && made !== undefined ? made : outcome;
  }

  register(name: string, member: Member): void {
    this.registered.set(name, member);
    this.imports[name] = member.exports;
  }

  call(member: Member, field: string, args: readonly Value[]): Outcome {
    const port = member.port(field);
    return this.watch(() => port.call(args));
  }

  private watch(action: () => Value[]): Outcome {
    for (const meters of this.metered) meters.fill();
    const before = this.fuelLeft();
    try {
      const values = action();
      return { kind: "values", values, fuel: before - this.fuelLeft() };
    } catch (error) {
      const fuel = before - this.fuelLeft();
      return { kind: this.failureOf(error), message: error instanceof Error ? error.message : "", fuel };
    }
  }

  private failureOf(error: unknown): Failure {
    if (this.metered.some((meters) => meters.tooDeep)) return "stack";
    return this.metered.some((meters) => meters.tooLarge) ? "memory" : kindOf(error);
  }

  /** Instances made in the meantime had all of it before. */
  private fuelLeft(): bigint {
    let used = 0n;
    for (const meters of this.metered) used += fullFuel - meters.fuelLeft;
    return -used;
  }
}

function callStart(start: unknown): void {
  if (typeof start !== "function") throw new Error("the start function is not exported");
  start();
}

function kindOf(error: unknown): Failure {
  if (error instanceof webAssembly.RuntimeError) return "trap";
  if (error instanceof webAssembly.LinkError) return "link";
  if (error instanceof RangeError && /call stack/.test(error.message)) return "engineStack";
  if (error instanceof TypeError && /import/i.test(error.message)) return "link";
  throw error;
}

/** The module that every script may import. */
function spectest(): Record<string, unknown> {
  const print = (): void => undefined;
  return {
    print,
    print_i32: print,
    print_i64: print,
    print_f32: print,
    print_f64: print,
    print_i32_f32: print,
    print_f64_f64: print,
    global_i32: new webAssembly.Global({ value: "i32" }, 666),
    global_i64: new webAssembly.Global({ value: "i64" }, 666n),
    global_f32: new webAssembly.Global({ value: "f32" }, 666.6),
    global_f64: new webAssembly.Global({ value: "f64" }, 666.6),
    table: new webAssembly.Table({ element: "anyfunc", initial: 10, maximum: 20 }),
    memory: new webAssembly.Memory({ initial: 1, maximum: 2 }),
  };
}
