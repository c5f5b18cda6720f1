/**
 * What there is to say of a module that was accepted. Guarantees: it is read off the module and the costs alone, so
 * that it is the same wherever it is asked for.
 */
import type { Kind } from "./module-reader.js";

export interface ImportInfo {
  readonly module: string;
  readonly name: string;
  readonly kind: Kind;
  /** Of a function, as `(i32, i64) -> i32`; else empty. */
  readonly signature: string;
}

export interface ExportInfo {
  readonly name: string;
  readonly kind: Kind;
  /** Of a function; else empty. */
  readonly signature: string;
}

export interface FunctionInfo {
  /** Imported functions are counted before it. */
  readonly index: number;
  /** What it is exported as, or called in the section of names; else empty. */
  readonly name: string;
  readonly signature: string;
  readonly bodyBytes: number;
  /** Parameters counted. */
  readonly locals: number;
  /** Fuel of one pass through all of its operations, those of loops once, without what operands cost. */
  readonly units: number;
  readonly hasLoops: boolean;
  /** What a call is charged of the stack, in units of eight bytes; 0 where it can only be nested so deep. */
  readonly stackUnits: number;
}

export interface ModuleInfo {
  readonly bytes: number;
  readonly imports: readonly ImportInfo[];
  readonly exports: readonly ExportInfo[];
  /** Proposals that came after the first version and that it uses, by name, in order. */
  readonly features: readonly string[];
  /** Pages of 64 KiB; undefined where it has no memory. */
  readonly memory: { readonly min: number; readonly max: number | undefined } | undefined;
  readonly tables: readonly { readonly min: number; readonly max: number | undefined }[];
  readonly globals: number;
  readonly dataBytes: number;
  /** Whether something runs when it is instantiated. */
  readonly hasStart: boolean;
  readonly functions: readonly FunctionInfo[];
  /** Of the costs that it was charged by. */
  readonly costVersion: number;
}
