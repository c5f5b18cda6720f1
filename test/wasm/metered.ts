/** Instances of rewritten modules with their meters, and the text format, for tests of what is added to modules. */
import wabt from "wabt";
import { rewriteModule } from "../../wasm/rewrite.js";
import { type WasmGlobal, type WasmMemory, webAssembly } from "../../wasm/web-assembly.js";

const assembler = await wabt();

export function assemble(text: string): Uint8Array<ArrayBuffer> {
  const module = assembler.parseWat("test", text, {});
  try {
    module.resolveNames();
    module.validate();
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

/** Which limit ended a call, or what it returned. */
export type End = { readonly returned: unknown } | { readonly ended: string };

/** An instance, as it was given or rewritten. */
export class Metered {
  readonly exports: Readonly<Record<string, unknown>>;
  readonly #meters: WasmGlobal[] = [];

  constructor(bytes: Uint8Array, isRewritten = true) {
    const rewritten = isRewritten ? rewriteModule(bytes) : undefined;
    this.exports = new webAssembly.Instance(new webAssembly.Module(rewritten?.bytes ?? bytes)).exports;
    if (rewritten === undefined) return;
    const { fuel, stack, pages } = rewritten.injected;
    for (const name of [fuel, stack, pages]) {
      const meter = this.exports[name];
      if (meter instanceof webAssembly.Global) this.#meters.push(meter);
    }
    this.grant(1n << 60n, 1024 - rewritten.tablePages);
  }

  grant(fuel: bigint, pages: number): void {
    if (this.#meters.length === 0) return;
    [this.#meters[0].value, this.#meters[1].value, this.#meters[2].value] = [fuel, 65_536, pages];
  }

  get fuelLeft(): bigint {
    return BigInt(this.#meters[0].value);
  }

  get memory(): WasmMemory {
    const { memory } = this.exports;
    if (memory instanceof webAssembly.Memory) return memory;
    throw new TypeError("no memory");
  }

  function(name: string): (...values: readonly unknown[]) => unknown {
    const found = this.exports[name];
    if (typeof found === "function") return (...values) => found(...values);
    throw new TypeError(`no function ${name}`);
  }

  call(name: string, ...values: readonly unknown[]): End {
    try {
      return { returned: this.function(name)(...values) };
    } catch (error) {
      if (!(error instanceof webAssembly.RuntimeError)) throw error;
      const [fuel, stack, pages] = this.#meters;
      if (fuel !== undefined && fuel.value < 0n) return { ended: "fuel" };
      if (stack !== undefined && stack.value < 0) return { ended: "stack" };
      if (pages !== undefined && pages.value < 0) return { ended: "memory" };
      return { ended: error.message };
    }
  }
}
