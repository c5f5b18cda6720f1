/**
 * Rewrites a module so that it cannot run without end, recurse or grow beyond what it is granted, or answer otherwise
 * on another machine.
 *
 * Guarantees:
 * - the module as it was given is valid by itself before anything is added to it: it cannot name what is added;
 * - things are only added, after the module's own: locals, types, functions, globals, exports. No index changes;
 * - the same bytes with the same options come out as the same bytes.
 */

import { AddedFunctions, ENTRIES_PER_PAGE_SHIFT } from "./added-functions.js";
import { AddedTypes } from "./added-types.js";
import { BodyScan } from "./body-scan.js";
import { type Added, BodyWriter, frameUnits } from "./body-writer.js";
import { ByteReader } from "./byte-reader.js";
import { ByteWriter } from "./byte-writer.js";
import { CallGraph, type CallNode } from "./call-graph.js";
import { COSTS, type CostTable } from "./costs.js";
import { DEFAULT_LIMITS, type ShapeLimits } from "./limits.js";
import type { FunctionInfo, ModuleInfo } from "./module-info.js";
import { I32, I64, type RawModule, readModule, SECTION, type Section, type TableType } from "./module-reader.js";
import { requireImports, signatureOf } from "./module-surface.js";
import { readFunctionNames } from "./name-section.js";
import { refusal } from "./refusal.js";
import { webAssembly } from "./web-assembly.js";

export interface RewriteOptions {
  /** Default: what `db.modules.put` accepts. */
  readonly limits?: ShapeLimits;
  /** Default: the newest version. */
  readonly costs?: CostTable;
  /** `fast` leaves the bits of NaN to the machine. Default `canonical`. */
  readonly floats?: "canonical" | "fast";
  /** `any` takes modules that import something else: to compare them with what they were. Default `llmdb`. */
  readonly imports?: "llmdb" | "any";
}

/** Names of what was added, among the exports. */
export interface Injected {
  /** A mutable i64: fuel that is left; negative where it ran out. */
  readonly fuel: string;
  /** A mutable i32: what is left of the stack, in units of eight bytes; negative where it was too deep. */
  readonly stack: string;
  /** A mutable i32: pages of 64 KiB that the memory may have; negative where it should have grown beyond. */
  readonly pages: string;
  /** What the module would have run when it was instantiated. */
  readonly start: string | null;
}

export interface RewrittenModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly info: ModuleInfo;
  readonly injected: Injected;
  /** Pages of 64 KiB that its tables count for at first. */
  readonly tablePages: number;
}

const FUEL = "llmdb:fuel";
const STACK = "llmdb:stack";
const PAGES = "llmdb:pages";
const START = "llmdb:start";
const HEADER = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
const MAX_PAGES = 65_536;
const ADDED_EXPORTS = 3;
/** Sections before which the globals and exports belong, where the module has none. */
const BEHIND_GLOBALS: readonly number[] = [7, 8, 9, 12, 10, 11];
const BEHIND_EXPORTS: readonly number[] = [8, 9, 12, 10, 11];

/**
 * @throws LlmdbError `LLMDB_WASM_REFUSED`, and nothing else
 */
export function rewriteModule(bytes: Uint8Array, options: RewriteOptions = {}): RewrittenModule {
  const limits = options.limits ?? DEFAULT_LIMITS;
  const module = readModule(bytes, limits);
  if (options.imports !== "any") requireImports(module);
  for (const { name } of module.exports) {
    if (name.startsWith("llmdb:")) throw refusal(`the name of export "${name}" is kept for what is added`);
  }
  return new Rewriting(module, limits, options).run();
}

class Rewriting implements Added {
  readonly fuel: number;
  readonly stack: number;
  readonly pages: number;
  readonly #module: RawModule;
  readonly #limits: ShapeLimits;
  readonly #costs: CostTable;
  readonly #canonical: boolean;
  /** It may import what can call it again. */
  readonly #isOpen: boolean;
  readonly types: AddedTypes;
  readonly functions: AddedFunctions;
  readonly tables: readonly TableType[];
  readonly #functions: FunctionInfo[] = [];
  /** Of the types, as text. */
  readonly #signatures: string[] = [];
  readonly #names = new Map<number, string>();

  constructor(module: RawModule, limits: ShapeLimits, options: RewriteOptions) {
    this.#module = module;
    this.#limits = limits;
    this.#costs = options.costs ?? COSTS;
    this.#canonical = options.floats !== "fast";
    this.#isOpen = options.imports === "any";
    this.fuel = module.globals;
    this.stack = module.globals + 1;
    this.pages = module.globals + 2;
    this.types = new AddedTypes(module.types);
    this.functions = new AddedFunctions(module.functionTypes.length, this.types, {
      pages: this.pages,
      entries: module.globals + ADDED_EXPORTS,
      mostEntries: limits.tableEntries,
      hasMemory: module.memories.length > 0,
    });
    this.tables = module.tables.map((table, index) => {
      // What is imported is as large as it is.
      if (index < module.importedTables) return table;
      const most = Math.min(table.max ?? limits.tableEntries, limits.tableEntries);
      return { ...table, max: Math.max(table.min, most) };
    });
    const names = module.sections.find(({ id, name }) => id === SECTION.custom && name === "name");
    if (names !== undefined) this.#names = readFunctionNames(module.bytes, names, limits.functions);
    for (const { kind, name, index } of module.exports) if (kind === "function") this.#names.set(index, name);
  }

  run(): RewrittenModule {
    const code = new ByteWriter(this.#module.bytes.length * 2);
    this.#writeBodies(code);
    // What takes long to validate was refused; what is added comes after.
    if (!webAssembly.validate(this.#module.bytes)) throw refusal(this.#invalidity());
    const out = new ByteWriter(this.#module.bytes.length * 2);
    out.code(...HEADER);
    this.#writeSections(out, code.finish());
    const bytes = out.finish();
    const start = this.#module.start === undefined ? null : START;
    const tablePages = this.#module.tableEntries >>> ENTRIES_PER_PAGE_SHIFT;
    return { bytes, info: this.#info(), injected: { fuel: FUEL, stack: STACK, pages: PAGES, start }, tablePages };
  }

  /** What V8 has against the module. */
  #invalidity(): string {
    try {
      new webAssembly.Module(this.#module.bytes);
    } catch (error) {
      return `it is not valid: ${error instanceof Error ? error.message : String(error)}`;
    }
    return "it is not valid";
  }

  #signatureOf(type: number): string {
    this.#signatures[type] ??= signatureOf(this.#module.types[type]);
    return this.#signatures[type];
  }

  #writeBodies(out: ByteWriter): void {
    const module = this.#module;
    const { bytes, importedFunctions, functionTypes, types } = module;
    const scan = new BodyScan(module, this.#limits, this.#costs, this.#canonical);
    const stackUnits = this.#stackUnits(scan);
    scan.restart();
    const declared = module.memories[0]?.max ?? MAX_PAGES;
    const writer = new BodyWriter(out, bytes, this.#costs, this, Math.min(declared, MAX_PAGES));
    module.bodies.forEach(({ start, end }, i) => {
      const index = importedFunctions + i;
      const type = types[functionTypes[index]];
      const plan = scan.scan(new ByteReader(bytes, start, end), index, type);
      writer.write(plan, type, end, stackUnits[i]);
      this.#functions.push({
        index,
        name: this.#names.get(index) ?? "",
        signature: this.#signatureOf(functionTypes[index]),
        bodyBytes: end - start,
        locals: plan.locals,
        units: plan.total,
        hasLoops: plan.hasLoops,
        stackUnits: stackUnits[i],
      });
    });
  }

  /** What each call is charged of the stack: that takes a look at all functions before the first is written. */
  #stackUnits(scan: BodyScan): Int32Array {
    const module = this.#module;
    const { bytes, importedFunctions, functionTypes, types, referred } = module;
    const nodes = module.bodies.map(({ start, end }, i): CallNode => {
      const index = importedFunctions + i;
      const plan = scan.scan(new ByteReader(bytes, start, end), index, types[functionTypes[index]]);
      for (const reference of plan.references) referred.add(reference);
      // What others than the host are may call back.
      const callsBack = this.#isOpen && plan.calls.some((called) => called < importedFunctions);
      return { frameUnits: frameUnits(plan), calls: [...plan.calls], callsTable: plan.callsTable || callsBack };
    });
    const inTable = new Set(referred);
    const isShared = this.#isOpen || module.exports.some(({ kind }) => kind === "table");
    if (isShared) for (const { kind, index } of module.exports) if (kind === "function") inTable.add(index);
    return new CallGraph(nodes, importedFunctions, inTable).units;
  }

  #writeSections(out: ByteWriter, code: Uint8Array): void {
    const module = this.#module;
    let hasTypes = this.types.list.length === 0;
    let hasGlobals = false;
    let hasExports = false;
    for (const section of module.sections) {
      const { id, start, end, name } = section;
      if (id === SECTION.custom) {
        // Others may speak of places in the code, which are other ones now.
        if (name === "name") out.section(id, () => out.bytes(module.bytes, start, end));
        continue;
      }
      if (!hasTypes && id > SECTION.type) throw refusal("it has no types");
      if (!hasGlobals && BEHIND_GLOBALS.includes(id)) {
        this.#writeGlobals(out, undefined);
        hasGlobals = true;
      }
      if (!hasExports && BEHIND_EXPORTS.includes(id)) {
        this.#writeExports(out, undefined);
        hasExports = true;
      }
      if (id === SECTION.type) {
        this.#writeTypes(out, section);
        hasTypes = true;
      } else if (id === SECTION.global) {
        this.#writeGlobals(out, section);
        hasGlobals = true;
      } else if (id === SECTION.export) {
        this.#writeExports(out, section);
        hasExports = true;
      } else if (id === SECTION.function) {
        this.#extend(out, section, id, this.functions.count, () => this.functions.writeTypes(out));
      } else if (id === SECTION.table) this.#writeTables(out);
      else if (id === SECTION.memory) this.#writeMemories(out);
      else if (id === SECTION.code) this.#writeCode(out, code);
      else if (id !== SECTION.start) out.section(id, () => out.bytes(module.bytes, start, end));
    }
    if (!hasGlobals) this.#writeGlobals(out, undefined);
    if (!hasExports) this.#writeExports(out, undefined);
  }

  /** Writes a section with more at its end than the module has. */
  #extend(out: ByteWriter, section: Section | undefined, id: number, added: number, write: () => void): void {
    const { bytes } = this.#module;
    out.section(id, () => {
      if (section === undefined) out.u32(added);
      else {
        const reader = new ByteReader(bytes, section.start, section.end);
        out.u32(reader.u32() + added);
        out.bytes(bytes, reader.at, section.end);
      }
      write();
    });
  }

  #writeTypes(out: ByteWriter, section: Section): void {
    const { list } = this.types;
    this.#extend(out, section, SECTION.type, list.length, () => {
      for (const { params, results } of list) {
        out.byte(0x60);
        for (const types of [params, results]) {
          out.u32(types.length);
          out.code(...types);
        }
      }
    });
  }

  #writeGlobals(out: ByteWriter, section: Section | undefined): void {
    const { tables, tableEntries } = this.#module;
    // The entries of tables are counted in the module; the host does not ask.
    const added = ADDED_EXPORTS + (tables.length > 0 ? 1 : 0);
    this.#extend(out, section, SECTION.global, added, () => {
      out.code(I64, 1, 0x42, 0, 0x0b);
      out.code(I32, 1, 0x41, 0, 0x0b);
      out.code(I32, 1, 0x41, 0, 0x0b);
      if (tables.length === 0) return;
      out.code(I32, 1, 0x41);
      out.signed(tableEntries);
      out.byte(0x0b);
    });
  }

  #writeExports(out: ByteWriter, section: Section | undefined): void {
    const { start } = this.#module;
    this.#extend(out, section, SECTION.export, ADDED_EXPORTS + (start === undefined ? 0 : 1), () => {
      for (const [name, index] of [
        [FUEL, this.fuel],
        [STACK, this.stack],
        [PAGES, this.pages],
      ] as const) {
        out.name(name);
        out.byte(3);
        out.u32(index);
      }
      if (start === undefined) return;
      out.name(START);
      out.byte(0);
      out.u32(start);
    });
  }

  #writeTables(out: ByteWriter): void {
    const own = this.tables.slice(this.#module.importedTables);
    out.section(SECTION.table, () => {
      out.u32(own.length);
      for (const { element, min, max = min } of own) {
        out.code(element, 1);
        out.u32(min);
        out.u32(max);
      }
    });
  }

  #writeMemories(out: ByteWriter): void {
    const { memories, importedMemories } = this.#module;
    const own = memories.slice(importedMemories);
    out.section(SECTION.memory, () => {
      out.u32(own.length);
      for (const { min, max } of own) {
        out.byte(1);
        out.u32(min);
        out.u32(Math.max(min, Math.min(max ?? this.#limits.memoryPages, this.#limits.memoryPages)));
      }
    });
  }

  #writeCode(out: ByteWriter, code: Uint8Array): void {
    out.section(SECTION.code, () => {
      out.u32(this.#module.bodies.length + this.functions.count);
      out.bytes(code, 0, code.length);
      this.functions.writeBodies(out);
    });
  }

  #info(): ModuleInfo {
    const { bytes, imports, exports, functionTypes, features, memories, tables, globals, dataBytes, start } =
      this.#module;
    return {
      bytes: bytes.length,
      imports: imports.map(({ module, name, kind, type }) => ({
        module,
        name,
        kind,
        signature: kind === "function" ? this.#signatureOf(type) : "",
      })),
      exports: exports.map(({ name, kind, index }) => ({
        name,
        kind,
        signature: kind === "function" ? this.#signatureOf(functionTypes[index]) : "",
      })),
      features: [...features].sort(),
      memory: memories.length === 0 ? undefined : { min: memories[0].min, max: memories[0].max },
      tables: tables.map(({ min, max }) => ({ min, max })),
      globals,
      dataBytes,
      hasStart: start !== undefined,
      functions: this.#functions,
      costVersion: this.#costs.version,
    };
  }
}
