/**
 * A host for modules in its smallest form, after the calling convention `llmdb_abi_v1`. Guarantees: each call is made
 * in the module as it is and in the rewritten one, and both say the same, or it fails.
 */
import { expect } from "vitest";
import { rewriteModule } from "../../wasm/rewrite.js";
import { type WasmGlobal, type WasmMemory, webAssembly } from "../../wasm/web-assembly.js";

/** What `llmdb.get_from` reads: the value of an encoded key in the map of this number, if there is one. */
export type GetFrom = (map: number, key: Uint8Array) => Uint8Array | undefined;

export interface Call {
  readonly count: number;
  readonly data: Uint8Array;
  readonly pageSize?: number;
  readonly arg?: Uint8Array;
  /** The accumulator of the call before. */
  readonly accumulator?: Uint8Array;
}

/** A module refused: a message in the out window, or a code of its own. */
export class Refused extends Error {}

const CALLS = ["", "map_pages", "reduce_pages", "reduce_merge", "tx_hook", "custom_index"];
const FRAME_BYTES = 64;

const FUEL = 1_000_000_000n;

export class ModuleHost {
  readonly #plain: Instance;
  readonly #rewritten: Instance;

  constructor(bytes: Uint8Array, outBytes = 64, getFrom: GetFrom = () => undefined) {
    this.#plain = new Instance(bytes, outBytes, getFrom);
    this.#rewritten = new Instance(rewriteModule(bytes).bytes, outBytes, getFrom);
  }

  /** How often a call asked for a larger out window. */
  get grown(): number {
    return this.#plain.grown;
  }

  call(name: string, call: Call): Uint8Array {
    const [expected, found] = [this.#plain, this.#rewritten].map((instance) =>
      outcomeOf(() => instance.call(name, call)),
    );
    if (expected instanceof Refused || found instanceof Refused) {
      expect(found).toEqual(expected);
      throw expected;
    }
    // Buffers are compared at once, where the other way takes each byte.
    expect(Buffer.from(found).equals(expected)).toBe(true);
    return expected;
  }
}

function outcomeOf(call: () => Uint8Array): Uint8Array | Refused {
  try {
    return call();
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

class Instance {
  readonly #exports: Readonly<Record<string, unknown>>;
  readonly #memory: WasmMemory;
  grown = 0;
  #in = 0;
  #out = 0;
  #inBytes = 0;
  #outBytes = 0;

  constructor(bytes: Uint8Array, outBytes: number, getFrom: GetFrom) {
    const get_from = (map: number, key: number, length: number, to: number, capacity: number): number => {
      const value = getFrom(map, this.#bytes(key, length).slice());
      if (value === undefined) return -1;
      if (value.length <= capacity) this.#bytes(to, value.length).set(value);
      return value.length;
    };
    const instance = new webAssembly.Instance(new webAssembly.Module(bytes), { llmdb: { get_from } });
    this.#exports = instance.exports;
    const { memory } = instance.exports;
    if (!(memory instanceof webAssembly.Memory)) throw new Error("the module exports no memory");
    this.#memory = memory;
    // The rewritten module does not start by itself; AssemblyScript sets up its heap there.
    if ("llmdb:start" in instance.exports) this.#run("llmdb:start");
    if (this.#run("llmdb_abi_v1") !== 1) throw new Error("not llmdb_abi_v1");
    this.#outBytes = outBytes;
  }

  /** What the call writes to the out window. The input is handed over again for as long as the window is too small. */
  call(name: string, call: Call): Uint8Array {
    const { accumulator = new Uint8Array() } = call;
    const frame = frameOf(CALLS.indexOf(name), call);
    for (;;) {
      this.#makeRoom(frame.length, Math.max(this.#outBytes, accumulator.length));
      this.#bytes(this.#in, frame.length).set(frame);
      // Bytes that the module must not take for its own.
      this.#bytes(this.#out, this.#outBytes).fill(0xa5);
      this.#bytes(this.#out, accumulator.length).set(accumulator);
      const result = this.#run(name, this.#in, frame.length, this.#out, this.#outBytes);
      if (result >= 0) return this.#bytes(this.#out, result).slice();
      if (result !== -2) throw new Refused(result === -1 ? this.#message() : `code ${result}`);
      this.grown++;
      this.#outBytes *= 2;
      this.#inBytes = 0;
    }
  }

  #makeRoom(inBytes: number, outBytes: number): void {
    if (this.#inBytes >= inBytes && this.#outBytes >= outBytes) return;
    this.#inBytes = Math.max(this.#inBytes, inBytes);
    this.#outBytes = outBytes;
    const inRoom = (this.#inBytes + 15) & -16;
    const start = this.#run("llmdb_alloc", inRoom + outBytes + 16);
    this.#in = (start + 15) & -16;
    this.#out = this.#in + inRoom;
  }

  #run(name: string, ...parameters: number[]): number {
    const called = this.#exports[name];
    this.#set("llmdb:fuel", FUEL);
    this.#set("llmdb:stack", 65_536);
    this.#set("llmdb:pages", 1024);
    if (typeof called !== "function") throw new Error(`the module exports no ${name}`);
    return Number(called(...parameters));
  }

  /** Sets what the rewriting added, where it did. */
  #set(name: string, value: number | bigint): void {
    const global = this.#exports[name];
    if (isGlobal(global)) global.value = value;
  }

  #bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#memory.buffer, at, length);
  }

  #message(): string {
    const length = new DataView(this.#memory.buffer).getUint32(this.#out, true);
    return Buffer.from(this.#bytes(this.#out + 4, length)).toString();
  }
}

function frameOf(call: number, { count, data, pageSize = 0, arg = new Uint8Array(), accumulator }: Call): Uint8Array {
  const dataOffset = (FRAME_BYTES + arg.length + 15) & -16;
  const frame = Buffer.alloc(dataOffset + data.length);
  frame.writeUInt16LE(1, 0);
  frame.writeUInt16LE(call, 2);
  const words = [count, pageSize, dataOffset, FRAME_BYTES, arg.length];
  for (const [i, word] of words.entries()) frame.writeUInt32LE(word, 4 + 4 * i);
  frame.writeUInt32LE(accumulator?.length ?? 0, 48);
  frame.set(arg, FRAME_BYTES);
  frame.set(data, dataOffset);
  return frame;
}

export interface ChangeOf {
  readonly op: "insert" | "replace" | "delete";
  readonly key: Uint8Array;
  readonly old?: Uint8Array;
  readonly new?: Uint8Array;
}

/** Changes as `tx_hook` is given them. */
export function changeRecords(changes: readonly ChangeOf[]): Uint8Array {
  return Buffer.concat(
    changes.map(({ op, key, old, new: added }) => {
      const bytes = pad8(40 + key.length + (old?.length ?? 0) + (added?.length ?? 0));
      const record = Buffer.alloc(bytes);
      record.writeUInt32LE(bytes, 0);
      record.writeUInt16LE(["", "insert", "replace", "delete"].indexOf(op), 4);
      record.writeUInt32LE(key.length, 8);
      record.writeUInt32LE(old?.length ?? 0xffffffff, 12);
      record.writeUInt32LE(added?.length ?? 0xffffffff, 16);
      Buffer.concat([key, old ?? new Uint8Array(), added ?? new Uint8Array()]).copy(record, 40);
      return record;
    }),
  );
}

export interface Derived {
  readonly op: "put" | "delete";
  readonly map: number;
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Derived writes as `tx_hook` gives them. */
export function readDerived(output: Uint8Array): Derived[] {
  const bytes = Buffer.from(output);
  const derived: Derived[] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) {
    const [keyLength, valueLength] = [bytes.readUInt32LE(at + 8), bytes.readUInt32LE(at + 12)];
    if (bytes.readUInt32LE(at) !== pad8(16 + keyLength + valueLength)) throw new Error("a wrong length");
    const op = bytes.readUInt16LE(at + 4) === 1 ? "put" : "delete";
    const value = at + 16 + keyLength;
    const map = bytes.readUInt16LE(at + 6);
    derived.push({ op, map, key: bytes.subarray(at + 16, value), value: bytes.subarray(value, value + valueLength) });
  }
  return derived;
}

/** Records as `custom_index` is given them. */
export function indexRecords(entries: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array {
  return Buffer.concat(
    entries.map(([key, value]) => {
      const record = Buffer.alloc(pad8(16 + key.length + value.length));
      record.writeUInt32LE(record.length, 0);
      record.writeUInt32LE(key.length, 8);
      record.writeUInt32LE(value.length, 12);
      record.set(key, 16);
      record.set(value, 16 + key.length);
      return record;
    }),
  );
}

/** Index keys as `custom_index` gives them: the number of the record, and the key. */
export function readIndexKeys(output: Uint8Array): [number, Buffer][] {
  const bytes = Buffer.from(output);
  const keys: [number, Buffer][] = [];
  for (let at = 0; at < bytes.length; at += bytes.readUInt32LE(at)) {
    const length = bytes.readUInt32LE(at + 8);
    if (bytes.readUInt32LE(at) !== pad8(16 + length)) throw new Error("a wrong length");
    keys.push([bytes.readUInt32LE(at + 4), bytes.subarray(at + 16, at + 16 + length)]);
  }
  return keys;
}

/** Two accumulators as `reduce_merge` is given them. */
export function mergeData(left: Uint8Array, right: Uint8Array): Uint8Array {
  const data = Buffer.alloc(8 + pad8(left.length) + pad8(right.length));
  data.writeUInt32LE(left.length, 0);
  data.writeUInt32LE(right.length, 4);
  data.set(left, 8);
  data.set(right, 8 + pad8(left.length));
  return data;
}

function pad8(n: number): number {
  return (n + 7) & -8;
}

/** What a module imports: module and name. */
export function importsOf(bytes: Uint8Array): string[] {
  return rewriteModule(bytes).info.imports.map(({ module, name }) => `${module}.${name}`);
}

function isGlobal(value: unknown): value is WasmGlobal {
  return value instanceof webAssembly.Global;
}
