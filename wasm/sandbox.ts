/**
 * An instance of a rewritten module, with what it was granted. Guarantees: it reaches nothing but its own memory and
 * the imports it was granted; every pointer and length that it hands back is checked against its memory as it is then;
 * what goes wrong is one of the errors `LLMDB_WASM_*`. After an error it is of no use any more.
 */
import { LlmdbError } from "../pager/error.js";
import { dataOffset, type FrameHead, setAccumulatorBytes, setCount, writeFrame } from "./frame.js";
import type { Injected } from "./rewrite.js";
import { callThrough } from "./trampoline.js";
import {
  type CompiledModule,
  exportedFunction,
  exportedGlobal,
  exportedMemory,
  type WasmFunction,
  type WasmGlobal,
  type WasmImports,
  type WasmInstance,
  type WasmMemory,
  webAssembly,
} from "./web-assembly.js";

/** A module ready to be instantiated. */
export interface ReadyModule {
  readonly compiled: CompiledModule;
  readonly injected: Injected;
  /** Pages of 64 KiB that its memory begins with, and what each costs. */
  readonly initialPages: number;
  readonly initialPageUnits: number;
  /** Pages that its tables count for. */
  readonly tablePages: number;
}

/** What an instance may use. */
export interface Grant {
  readonly fuel: number;
  readonly memoryBytes: number;
}

const STACK_UNITS = 65_536;
const PAGE_BYTES = 65_536;
const ALIGNMENT = 16;
const MIN_OUT_BYTES = 4096;
/** What a call returns besides a number of bytes. */
const ABORTED = -1;
const OUT_TOO_SMALL = -2;

const decoder = new TextDecoder();

export class Sandbox {
  /** Its memory; taken again after each call of it. */
  u8: Uint8Array = new Uint8Array(0);
  u32: Uint32Array = new Uint32Array(0);
  /** Where the windows are. */
  inAt = 0;
  outAt = 0;
  outBytes = 0;
  /** Where the data go, and how many fit. */
  dataAt = 0;
  readonly #module: ReadyModule;
  readonly #grant: Grant;
  readonly #head: FrameHead;
  readonly #instance: WasmInstance;
  readonly #memory: WasmMemory;
  readonly #fuel: WasmGlobal;
  readonly #stack: WasmGlobal;
  readonly #pages: WasmGlobal;
  readonly #call: WasmFunction;
  #dataBytes = 0;

  /** @throws LlmdbError `LLMDB_WASM_MEMORY`, `LLMDB_WASM_FUEL`, `LLMDB_WASM_TRAP` */
  constructor(module: ReadyModule, grant: Grant, head: FrameHead, imports: WasmImports) {
    this.#module = module;
    this.#grant = grant;
    this.#head = head;
    const pages = Math.floor(grant.memoryBytes / PAGE_BYTES) - module.tablePages;
    if (module.initialPages > pages) throw this.#memoryError();
    this.#instance = this.#instantiate(imports);
    const { injected } = module;
    this.#memory = exportedMemory(this.#instance, "memory");
    this.#fuel = exportedGlobal(this.#instance, injected.fuel);
    this.#stack = exportedGlobal(this.#instance, injected.stack);
    this.#pages = exportedGlobal(this.#instance, injected.pages);
    this.#call = exportedFunction(this.#instance, head.call);
    this.#pages.value = pages;
    this.#stack.value = STACK_UNITS;
    this.#fuel.value = BigInt(grant.fuel - module.initialPages * module.initialPageUnits);
    if (this.#fuel.value < 0n) throw this.#fuelError();
    this.#look();
  }

  #instantiate(imports: WasmImports): WasmInstance {
    try {
      return new webAssembly.Instance(this.#module.compiled, imports);
    } catch (error) {
      // A segment that is outside of the memory or table that it is for, or no memory at all.
      if (error instanceof RangeError) throw this.#memoryError();
      throw this.#failure(error);
    }
  }

  /** Fuel that is left. */
  get fuelLeft(): number {
    return Math.max(0, Number(this.#fuel.value));
  }

  get fuelUsed(): number {
    return this.#grant.fuel - this.fuelLeft;
  }

  /** Takes fuel for what the host does for the module. */
  charge(units: number): void {
    const left = Number(this.#fuel.value) - units;
    this.#fuel.value = BigInt(left);
    if (left < 0) throw this.#fuelError();
  }

  /** Runs what the module runs first, and has it make its windows. It is code of the module. */
  begin(dataBytes: number): void {
    const { start } = this.#module.injected;
    try {
      if (start !== null) exportedFunction(this.#instance, start)();
      const abi = exportedFunction(this.#instance, "llmdb_abi_v1")();
      if (abi !== 1) throw trap(`llmdb_abi_v1 returned ${String(abi)}; this is version 1`);
      this.#makeWindows(dataBytes, MIN_OUT_BYTES, 0);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Makes room for this many bytes of data. It is code of the module. */
  reserve(dataBytes: number): void {
    if (dataBytes <= this.#dataBytes) return;
    try {
      this.#makeWindows(Math.max(dataBytes, this.#dataBytes * 2), this.outBytes, 0);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** @param kept bytes of the out window that go along */
  #makeWindows(dataBytes: number, outBytes: number, kept: number): void {
    const inBytes = dataOffset(this.#head.arg) + Math.ceil(dataBytes / ALIGNMENT) * ALIGNMENT;
    const size = inBytes + outBytes + ALIGNMENT;
    if (size > this.#grant.memoryBytes) throw this.#memoryError();
    const at = Number(exportedFunction(this.#instance, "llmdb_alloc")(size)) >>> 0;
    this.#look();
    if (at === 0 || at + size > this.u8.length) {
      throw trap(`llmdb_alloc(${size}) returned ${at}, and its memory has ${this.u8.length} bytes`);
    }
    const outBefore = this.outAt;
    this.inAt = (at + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
    this.outAt = this.inAt + inBytes;
    this.outBytes = outBytes;
    this.dataAt = this.inAt + dataOffset(this.#head.arg);
    this.#dataBytes = dataBytes;
    writeFrame(this.u8, this.u32, this.inAt, this.#head);
    if (kept > 0) this.u8.copyWithin(this.outAt, outBefore, outBefore + kept);
  }

  /**
   * Calls the module on what is in the in window.
   *
   * @param count pages, changes or records
   * @param dataBytes bytes of data
   * @param kept bytes of an accumulator in the out window
   * @returns bytes that it left in the out window
   */
  call(count: number, dataBytes: number, kept = 0): number {
    const inBytes = this.dataAt - this.inAt + dataBytes;
    setCount(this.u32, this.inAt, count);
    setAccumulatorBytes(this.u32, this.inAt, kept);
    let written = 0;
    try {
      written = callThrough(this.#call, this.inAt, inBytes, this.outAt, this.outBytes);
    } catch (error) {
      throw this.#failure(error);
    }
    // Growing its memory takes the buffer away.
    if (this.u8.length === 0) this.#look();
    if (written >= 0 && written <= this.outBytes) return written;
    return this.#answered(written, count, dataBytes, kept);
  }

  #answered(written: number, count: number, dataBytes: number, kept: number): number {
    if (written > this.outBytes) {
      throw trap(`it says that it wrote ${written} bytes into a window of ${this.outBytes}`);
    }
    if (written === ABORTED) throw this.#aborted();
    if (written !== OUT_TOO_SMALL) {
      throw new LlmdbError("LLMDB_WASM_ABORT", `the module gave up with the code ${written}`, { code: written });
    }
    this.#widen(dataBytes, kept);
    return this.call(count, dataBytes, kept);
  }

  /** Makes the out window larger and takes the data along. */
  #widen(dataBytes: number, kept: number): void {
    const { dataAt } = this;
    try {
      // Much comes out of much: a module that never frees cannot have many windows.
      this.#makeWindows(this.#dataBytes, Math.max(this.outBytes * 2, this.#dataBytes), kept);
    } catch (error) {
      throw this.#failure(error);
    }
    this.u8.copyWithin(this.dataAt, dataAt, dataAt + dataBytes);
  }

  #aborted(): LlmdbError {
    const length = Math.min(this.u32[this.outAt >>> 2], this.outBytes - 4);
    const text = decoder.decode(this.u8.subarray(this.outAt + 4, this.outAt + 4 + length));
    return new LlmdbError("LLMDB_WASM_ABORT", `the module refused: ${text}`, { message: text });
  }

  /** A copy of bytes that the module points at. */
  read(at: number, length: number): Uint8Array {
    this.requireInside(at, length);
    return this.u8.slice(at >>> 0, (at >>> 0) + (length >>> 0));
  }

  /** @throws LlmdbError `LLMDB_WASM_TRAP` */
  requireInside(at: number, length: number): void {
    this.#look();
    if ((at >>> 0) + (length >>> 0) <= this.u8.length) return;
    throw trap(`it points at ${length >>> 0} bytes at ${at >>> 0}, and its memory has ${this.u8.length}`);
  }

  #look(): void {
    const { buffer } = this.#memory;
    if (this.u8.buffer === buffer && this.u8.length === buffer.byteLength) return;
    this.u8 = new Uint8Array(buffer);
    this.u32 = new Uint32Array(buffer);
  }

  /** The error for what was thrown through the module. */
  #failure(error: unknown): unknown {
    if (error instanceof LlmdbError) return error;
    if (error instanceof RangeError) return this.#stackError();
    if (!(error instanceof webAssembly.RuntimeError)) return error;
    // While it is made there are no globals yet.
    if (this.#fuel === undefined) return trap(error.message, error);
    if (this.#fuel.value < 0n) return this.#fuelError();
    if (this.#stack.value < 0) return this.#stackError();
    if (this.#pages.value < 0) return this.#memoryError();
    return trap(error.message, error);
  }

  #fuelError(): LlmdbError {
    return outOfFuel(this.#grant.fuel);
  }

  #stackError(): LlmdbError {
    return new LlmdbError(
      "LLMDB_WASM_STACK",
      `the module called itself too deeply: its stack has ${STACK_UNITS} units of eight bytes; use a loop`,
      { stackUnits: STACK_UNITS },
    );
  }

  #memoryError(): LlmdbError {
    const { memoryBytes } = this.#grant;
    return new LlmdbError(
      "LLMDB_WASM_MEMORY",
      `the module asked for more than its ${memoryBytes} bytes of memory; give it more memoryBytes`,
      { memoryBytes },
    );
  }
}

/** The error of a call that used up what it was given. */
export function outOfFuel(fuel: number): LlmdbError {
  const advice = "give it more fuel, or less to do";
  return new LlmdbError("LLMDB_WASM_FUEL", `the module used up its fuel of ${fuel} units; ${advice}`, { fuel });
}

/** True for the error of a call that used up what it was given. */
export function isFuelError(error: unknown): boolean {
  return error instanceof LlmdbError && error.code === "LLMDB_WASM_FUEL";
}

function trap(what: string, cause?: unknown): LlmdbError {
  return new LlmdbError("LLMDB_WASM_TRAP", `the module failed: ${what}`, { what }, { cause });
}
