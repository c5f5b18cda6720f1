/**
 * A way to call an exported function, or to read a global, that loses no bit: a tiny module around it which loads the
 * arguments from its memory and stores the results there.
 *
 * JavaScript may change the bits of a NaN and has no vectors; references only go through it as they are.
 */
import { type CompiledModule, webAssembly } from "../../../wasm/web-assembly.js";
import { leb, moduleOf, name, section } from "../binary.js";
import type { Value } from "./literal.js";
import type { GlobalType, Signature } from "./outline.js";

const resultsAt = 32_768;
const slot = 16;

interface Code {
  readonly name: Value["type"];
  readonly load: readonly number[];
  readonly store: readonly number[];
  readonly bytes: number;
}

const codes: Record<number, Code> = {
  127: { name: "i32", load: [0x28], store: [0x36], bytes: 4 },
  126: { name: "i64", load: [0x29], store: [0x37], bytes: 8 },
  125: { name: "f32", load: [0x2a], store: [0x38], bytes: 4 },
  124: { name: "f64", load: [0x2b], store: [0x39], bytes: 8 },
  123: { name: "v128", load: [0xfd, 0x00], store: [0xfd, 0x0b], bytes: 16 },
  112: { name: "funcref", load: [], store: [], bytes: 0 },
  111: { name: "externref", load: [], store: [], bytes: 0 },
};

const isReference = (type: number): boolean => codes[type].bytes === 0;

/** Calls what it wraps. */
export class Port {
  private readonly params: readonly number[];
  private readonly results: readonly number[];
  private readonly memory: DataView;
  private readonly run: CallableFunction;

  private constructor(signature: Signature, module: CompiledModule, target: unknown) {
    this.params = signature.params;
    this.results = signature.results;
    const { memory, run } = new webAssembly.Instance(module, { it: { it: target } }).exports;
    if (!(memory instanceof webAssembly.Memory) || typeof run !== "function") throw new Error("no port");
    this.memory = new DataView(memory.buffer);
    this.run = run;
  }

  static ofFunction(signature: Signature, target: unknown): Port {
    return new Port(signature, moduleFor(signature), target);
  }

  static ofGlobal(global: GlobalType, target: unknown): Port {
    const signature = { params: [], results: [global.type] };
    return new Port(signature, moduleFor(signature, global), target);
  }

  call(args: readonly Value[]): Value[] {
    if (args.length !== this.params.length) throw new Error(`${this.params.length} arguments are needed`);
    const references: (number | null)[] = [];
    for (const [index, arg] of args.entries()) {
      if (arg.type !== codes[this.params[index]].name) throw new Error(`argument ${index} is no ${arg.type}`);
      if ("ref" in arg) references.push(arg.ref);
      else this.write(index * slot, arg.bits, codes[this.params[index]].bytes);
    }
    return this.valuesOf(this.run(...references));
  }

  private valuesOf(returned: unknown): Value[] {
    const references: unknown[] = Array.isArray(returned) ? returned : [returned];
    let next = 0;
    return this.results.map((type, index) => {
      const { name, bytes } = codes[type];
      if (name === "externref" || name === "funcref") return { type: name, ref: identityOf(references[next++]) };
      return { type: name, bits: this.read(resultsAt + index * slot, bytes) };
    });
  }

  private write(at: number, bits: bigint, bytes: number): void {
    for (let index = 0; index < bytes; index += 4) {
      this.memory.setUint32(at + index, Number((bits >> BigInt(8 * index)) & 0xffffffffn), true);
    }
  }

  private read(at: number, bytes: number): bigint {
    if (bytes === 4) return BigInt(this.memory.getUint32(at, true));
    const low = this.memory.getBigUint64(at, true);
    return bytes === 8 ? low : low | (this.memory.getBigUint64(at + 8, true) << 64n);
  }
}

/** Numbers stand for themselves, every other reference for -1. */
function identityOf(reference: unknown): number | null {
  if (reference === null) return null;
  return typeof reference === "number" ? reference : -1;
}

const modules = new Map<string, CompiledModule>();

function moduleFor({ params, results }: Signature, global?: GlobalType): CompiledModule {
  const key = `${params}|${results}|${global?.mutable}`;
  const known = modules.get(key);
  if (known !== undefined) return known;
  const module = new webAssembly.Module(encode(params, results, global));
  modules.set(key, module);
  return module;
}

function encode(params: readonly number[], results: readonly number[], global?: GlobalType): Uint8Array<ArrayBuffer> {
  const target = global ? [0x03, global.type, global.mutable ? 1 : 0] : [0x00, 0x00];
  const code = [
    ...leb(results.length),
    ...results.flatMap((type) => [1, type]),
    ...bodyOf(params, results, global),
    0x0b,
  ];
  const types = [functionType(params, results), functionType(params.filter(isReference), results.filter(isReference))];
  return moduleOf(
    section(1, types),
    section(2, [[...name("it"), ...name("it"), ...target]]),
    section(3, [[1]]),
    section(5, [[0, 1]]),
    section(7, [
      [...name("memory"), 2, 0],
      [...name("run"), 0, global ? 0 : 1],
    ]),
    section(10, [[...leb(code.length), ...code]]),
  );
}

function bodyOf(params: readonly number[], results: readonly number[], global?: GlobalType): number[] {
  const body: number[] = [];
  let references = 0;
  for (const [index, type] of params.entries()) {
    if (isReference(type)) body.push(0x20, ...leb(references++));
    else body.push(0x41, 0, ...codes[type].load, 0, ...leb(index * slot));
  }
  body.push(global ? 0x23 : 0x10, 0);
  for (let index = results.length - 1; index >= 0; index--) body.push(0x21, ...leb(references + index));
  for (const [index, type] of results.entries()) {
    if (isReference(type)) continue;
    body.push(0x41, 0, 0x20, ...leb(references + index), ...codes[type].store, 0, ...leb(resultsAt + index * slot));
  }
  for (const [index, type] of results.entries()) if (isReference(type)) body.push(0x20, ...leb(references + index));
  return body;
}

function functionType(params: readonly number[], results: readonly number[]): number[] {
  return [0x60, ...leb(params.length), ...params, ...leb(results.length), ...results];
}
