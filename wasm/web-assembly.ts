/**
 * The part of the JavaScript interface of WebAssembly that is used here, typed: Node's own types leave it to those of
 * the browser. Guarantees: it is the engine's own object, nothing around it.
 */

/** A compiled module; it may be handed to another thread. */
export type CompiledModule = { readonly [compiled]: true };
declare const compiled: unique symbol;

export interface WasmMemory {
  /** Another one after each growth. */
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export interface WasmGlobal {
  /** A bigint where it is an i64. */
  value: number | bigint;
}

export interface WasmTable {
  set(index: number, value: WasmFunction | null): void;
}

export type WasmFunction = (...values: number[]) => unknown;

export interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

export type WasmImports = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

interface WebAssemblyInterface {
  validate(bytes: Uint8Array): boolean;
  readonly Module: new (bytes: Uint8Array) => CompiledModule;
  readonly Instance: new (module: CompiledModule, imports?: WasmImports) => WasmInstance;
  readonly Memory: new (limits: { initial: number; maximum?: number }) => WasmMemory;
  readonly Global: new (type: { value: string; mutable?: boolean }, value: number | bigint) => WasmGlobal;
  readonly Table: new (limits: { initial: number; maximum?: number; element: string }) => WasmTable;
  readonly RuntimeError: new (message?: string) => Error;
  readonly CompileError: new (message?: string) => Error;
  readonly LinkError: new (message?: string) => Error;
}

declare const WebAssembly: WebAssemblyInterface;

/** The engine's own. */
export const webAssembly: WebAssemblyInterface = WebAssembly;

export function exportedMemory({ exports }: WasmInstance, name: string): WasmMemory {
  const memory = exports[name];
  if (memory instanceof webAssembly.Memory) return memory;
  throw new TypeError(`a module exports no memory "${name}"`);
}

export function exportedGlobal({ exports }: WasmInstance, name: string): WasmGlobal {
  const global = exports[name];
  if (global instanceof webAssembly.Global) return global;
  throw new TypeError(`a module exports no global "${name}"`);
}

export function exportedTable({ exports }: WasmInstance, name: string): WasmTable {
  const table = exports[name];
  if (table instanceof webAssembly.Table) return table;
  throw new TypeError(`a module exports no table "${name}"`);
}

export function exportedFunction({ exports }: WasmInstance, name: string): WasmFunction {
  const found = exports[name];
  if (isFunction(found)) return found;
  throw new TypeError(`a module exports no function "${name}"`);
}

/** The validator has seen that parameters and results are numbers. */
function isFunction(value: unknown): value is WasmFunction {
  return typeof value === "function";
}
