/**
 * Reads the sections of a module, without the bodies of its functions. Guarantees: what is refused is refused by name,
 * limits come before anything that takes long, and every index space is counted, so that what is added after a
 * module's own things gets numbers that nothing in the module has.
 */
import { ByteReader } from "./byte-reader.js";
import type { ShapeLimits } from "./limits.js";
import { refusal } from "./refusal.js";
import {
  featureOfForm,
  featureOfLimits,
  featureOfOpcode,
  featureOfSection,
  featureOfType,
} from "./refused-features.js";

/** Value types as bytes. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const F32 = 0x7d;
export const F64 = 0x7c;
export const V128 = 0x7b;
export const FUNCREF = 0x70;
export const EXTERNREF = 0x6f;

/** Kinds of imports and exports, by their bytes. */
export const KINDS = ["function", "table", "memory", "global"] as const;
export type Kind = (typeof KINDS)[number];

/** Sections, by their ids. */
export const SECTION = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  code: 10,
  data: 11,
  dataCount: 12,
} as const;

/** `name` in bytes. */
const NAME = [0x6e, 0x61, 0x6d, 0x65];

/** In this order sections come; the count of data segments is before the code. */
const ORDER = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

export interface FunctionType {
  readonly params: readonly number[];
  readonly results: readonly number[];
  /** Whether a parameter or a result is a vector. */
  readonly hasVectors: boolean;
}

export interface SizeLimits {
  readonly min: number;
  readonly max: number | undefined;
}

export interface ModuleImport {
  readonly module: string;
  readonly name: string;
  readonly kind: Kind;
  /** Of a function. */
  readonly type: number;
}

export interface ModuleExport {
  readonly name: string;
  readonly kind: Kind;
  readonly index: number;
}

/** A stretch of the module. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
}

export interface Section extends Stretch {
  readonly id: number;
  /** `name` for the custom section of names; else empty. */
  readonly name: string;
}

export interface TableType extends SizeLimits {
  readonly element: number;
}

/** What the sections of a module say. */
export class RawModule {
  readonly bytes: Uint8Array;
  readonly sections: Section[] = [];
  readonly types: FunctionType[] = [];
  readonly imports: ModuleImport[] = [];
  readonly exports: ModuleExport[] = [];
  /** The type of every function, imported ones first. */
  readonly functionTypes: number[] = [];
  importedFunctions = 0;
  importedMemories = 0;
  importedTables = 0;
  importedGlobals = 0;
  readonly memories: SizeLimits[] = [];
  readonly tables: TableType[] = [];
  /** Entries that all tables begin with. */
  tableEntries = 0;
  globals = 0;
  dataBytes = 0;
  dataSegments = 0;
  elements = 0;
  start: number | undefined;
  readonly bodies: Stretch[] = [];
  codeBytes = 0;
  /** Functions that are referred to: they may get into a table. */
  readonly referred = new Set<number>();
  /** What it uses of what came after the first version, by the names of the proposals. */
  readonly features = new Set<string>();

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }
}

/**
 * @throws LlmdbError `LLMDB_WASM_REFUSED`
 */
export function readModule(bytes: Uint8Array, limits: ShapeLimits): RawModule {
  if (bytes.length > limits.moduleBytes) {
    throw refusal(`it has ${bytes.length} bytes, and the limit is ${limits.moduleBytes}`);
  }
  const reader = new ByteReader(bytes);
  const isModule = bytes.length >= 8 && bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d;
  if (!isModule || bytes[4] !== 1 || bytes[5] !== 0 || bytes[6] !== 0 || bytes[7] !== 0) {
    throw refusal("it is no WebAssembly module of version 1", { offset: 0 });
  }
  reader.skip(8);
  const module = new RawModule(bytes);
  let last = 0;
  while (!reader.isAtEnd) {
    const offset = reader.at;
    const id = reader.byte();
    const length = reader.u32();
    const start = reader.at;
    reader.skip(length);
    const order = ORDER.indexOf(id);
    if (order < 0) throw refusal(`${featureOfSection(id)} is not supported`, { offset });
    if (order > 0 && order <= last) throw refusal("its sections are out of order, or one is there twice", { offset });
    if (order > 0) last = order;
    const inside = new ByteReader(bytes, start, reader.at);
    const name = id === SECTION.custom && isNameSection(inside) ? "name" : "";
    module.sections.push({ id, start, end: reader.at, name });
    readSection(id, inside, module, limits);
  }
  if (module.bodies.length !== module.functionTypes.length - module.importedFunctions) {
    throw refusal("it has another number of functions than of bodies");
  }
  return module;
}

/** Whether a custom section is the one with the names of functions: a module may have a million others. */
function isNameSection(reader: ByteReader): boolean {
  const length = reader.u32();
  const { at } = reader;
  reader.skip(length);
  return length === 4 && NAME.every((code, i) => reader.bytes[at + i] === code);
}

function readSection(id: number, reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  if (id === SECTION.custom) return;
  if (id === SECTION.type) readTypes(reader, module, limits);
  else if (id === SECTION.import) readImports(reader, module, limits);
  else if (id === SECTION.function) readFunctions(reader, module, limits);
  else if (id === SECTION.table) readTables(reader, module, limits);
  else if (id === SECTION.memory) readMemories(reader, module, limits);
  else if (id === SECTION.global) readGlobals(reader, module, limits);
  else if (id === SECTION.export) readExports(reader, module, limits);
  else if (id === SECTION.start) module.start = functionIndex(reader, module);
  else if (id === SECTION.element) readElements(reader, module, limits);
  else if (id === SECTION.code) readBodies(reader, module, limits);
  else if (id === SECTION.data) readData(reader, module, limits);
  else readDataCount(reader, module);
  if (!reader.isAtEnd) throw refusal("a section is longer than what is in it", { offset: reader.at });
}

function readTypes(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("types", limits.functions); i > 0; i--) {
    const offset = reader.at;
    const form = reader.byte();
    if (form !== 0x60) throw refusal(`${featureOfForm(form)} is not supported`, { offset });
    const params = readValueTypes(reader, module, "parameters", limits);
    const results = readValueTypes(reader, module, "results", limits);
    if (results.length > 1) module.features.add("multi-value");
    module.types.push({ params, results, hasVectors: params.includes(V128) || results.includes(V128) });
  }
}

function readValueTypes(reader: ByteReader, module: RawModule, what: string, limits: ShapeLimits): number[] {
  const types: number[] = [];
  for (let i = reader.count(what, limits.parameters); i > 0; i--) types.push(readValueType(reader, module));
  return types;
}

export function readValueType(reader: ByteReader, module: RawModule): number {
  const offset = reader.at;
  const type = reader.byte();
  if (type >= F64 && type <= I32) return type;
  if (type === V128) module.features.add("simd");
  else if (type === FUNCREF || type === EXTERNREF) module.features.add("reference-types");
  else throw refusal(`${featureOfType(type)} is not supported`, { offset });
  return type;
}

function readReferenceType(reader: ByteReader): number {
  const offset = reader.at;
  const type = reader.byte();
  if (type !== FUNCREF && type !== EXTERNREF) throw refusal(`${featureOfType(type)} is not supported`, { offset });
  return type;
}

function readLimits(reader: ByteReader): SizeLimits {
  const offset = reader.at;
  const flags = reader.byte();
  const feature = featureOfLimits(flags);
  if (feature !== undefined) throw refusal(`${feature} is not supported`, { offset });
  const min = reader.u32();
  return { min, max: flags === 1 ? reader.u32() : undefined };
}

function readTable(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  const offset = reader.at;
  if (reader.peek() === 0x40) throw refusal("typed function references is not supported", { offset });
  const element = readReferenceType(reader);
  const size = readLimits(reader);
  if (module.tables.length === limits.tables) throw refusal(`it has more than ${limits.tables} tables`, { offset });
  module.tableEntries += size.min;
  if (module.tableEntries > limits.tableEntries) {
    throw refusal(`its tables have ${module.tableEntries} entries, and the limit is ${limits.tableEntries}`, {
      offset,
    });
  }
  if (element === EXTERNREF || module.tables.length > 0) module.features.add("reference-types");
  module.tables.push({ ...size, element });
}

function readMemory(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  const offset = reader.at;
  const size = readLimits(reader);
  if (module.memories.length > 0) throw refusal("multi-memory is not supported", { offset });
  if (size.min > limits.memoryPages) {
    const bytes = limits.memoryPages * 65_536;
    throw refusal(`its memory begins with ${size.min * 65_536} bytes, and the limit is ${bytes}`, { offset });
  }
  module.memories.push(size);
}

function readImports(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("imports", limits.definitions); i > 0; i--) {
    const moduleName = reader.name();
    const name = reader.name();
    const offset = reader.at;
    const kind = KINDS[reader.byte()];
    let type = -1;
    if (kind === "function") {
      type = typeIndex(reader, module);
      module.functionTypes.push(type);
      module.importedFunctions++;
    } else if (kind === "table") {
      readTable(reader, module, limits);
      module.importedTables++;
    } else if (kind === "memory") {
      readMemory(reader, module, limits);
      module.importedMemories++;
    } else if (kind === "global") {
      readValueType(reader, module);
      requireMutability(reader);
      module.globals++;
      module.importedGlobals++;
    } else {
      throw refusal("exceptions is not supported", { offset });
    }
    module.imports.push({ module: moduleName, name, kind, type });
  }
}

function requireMutability(reader: ByteReader): void {
  const offset = reader.at;
  const flags = reader.byte();
  if (flags > 1) throw refusal("threads is not supported", { offset });
}

function typeIndex(reader: ByteReader, module: RawModule): number {
  const offset = reader.at;
  const type = reader.u32();
  if (type >= module.types.length) throw refusal("there is no such type", { offset });
  return type;
}

function functionIndex(reader: ByteReader, module: RawModule): number {
  const offset = reader.at;
  const index = reader.u32();
  if (index >= module.functionTypes.length) throw refusal("there is no such function", { offset });
  return index;
}

function readFunctions(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  const most = Math.max(0, limits.functions - module.importedFunctions);
  for (let i = reader.count("functions", most); i > 0; i--) module.functionTypes.push(typeIndex(reader, module));
}

function readTables(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("tables", limits.tables); i > 0; i--) readTable(reader, module, limits);
}

function readMemories(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("memories", limits.definitions); i > 0; i--) readMemory(reader, module, limits);
}

function readGlobals(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("globals", limits.definitions); i > 0; i--) {
    readValueType(reader, module);
    requireMutability(reader);
    skipConstant(reader, module);
    module.globals++;
  }
}

/** Passes over a constant expression. */
function skipConstant(reader: ByteReader, module: RawModule): void {
  for (;;) {
    const offset = reader.at;
    const opcode = reader.byte();
    if (opcode === 0x0b) return;
    if (opcode === 0x41 || opcode === 0x42) reader.skipSigned();
    else if (opcode === 0x43) reader.skip(4);
    else if (opcode === 0x44) reader.skip(8);
    else if (opcode === 0x23) reader.u32();
    else if (opcode === 0xd2) module.referred.add(functionIndex(reader, module));
    else if (opcode === 0xd0) readReferenceType(reader);
    else if (isExtendedConstant(opcode)) module.features.add("extended-const");
    else {
      const second = opcode >= 0xfb ? reader.u32() : 0;
      if (opcode !== 0xfd || second !== 12) {
        throw refusal(`${featureOfOpcode(opcode, second)} is not supported in a constant`, { offset });
      }
      module.features.add("simd");
      reader.skip(16);
    }
  }
}

/** Addition, subtraction and multiplication of i32 and i64. */
function isExtendedConstant(opcode: number): boolean {
  return (opcode >= 0x6a && opcode <= 0x6c) || (opcode >= 0x7c && opcode <= 0x7e);
}

function readExports(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("exports", limits.definitions); i > 0; i--) {
    const name = reader.name();
    const offset = reader.at;
    const kind = KINDS[reader.byte()];
    if (kind === undefined) throw refusal("exceptions is not supported", { offset });
    module.exports.push({ name, kind, index: reader.u32() });
  }
}

function readElements(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  let entries = 0;
  module.elements = reader.count("element segments", limits.definitions);
  for (let i = module.elements; i > 0; i--) {
    const offset = reader.at;
    const flags = reader.u32();
    if (flags > 7) throw refusal("an element segment is of an unknown kind", { offset });
    if (flags !== 0) module.features.add("bulk-memory");
    const isActive = (flags & 1) === 0;
    if (isActive && (flags & 2) !== 0) reader.u32();
    if (isActive) skipConstant(reader, module);
    const hasExpressions = (flags & 4) !== 0;
    if ((flags & 3) !== 0 && hasExpressions) readReferenceType(reader);
    else if ((flags & 3) !== 0 && reader.byte() !== 0) throw refusal("an element segment has no functions", { offset });
    const count = reader.count("elements", limits.tableEntries);
    entries += count;
    if (entries > limits.tableEntries) throw refusal(`it has more than ${limits.tableEntries} elements`, { offset });
    for (let j = count; j > 0; j--) {
      if (hasExpressions) skipConstant(reader, module);
      else module.referred.add(functionIndex(reader, module));
    }
  }
}

function readBodies(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  for (let i = reader.count("bodies", limits.functions); i > 0; i--) {
    const offset = reader.at;
    const length = reader.u32();
    if (length > limits.bodyBytes) {
      throw refusal(`a function has ${length} bytes, and the limit is ${limits.bodyBytes}`, {
        offset,
        function: module.importedFunctions + module.bodies.length,
      });
    }
    module.codeBytes += length;
    if (module.codeBytes > limits.codeBytes) {
      throw refusal(`its functions have more than ${limits.codeBytes} bytes`, { offset });
    }
    const start = reader.at;
    reader.skip(length);
    module.bodies.push({ start, end: reader.at });
  }
}

function readData(reader: ByteReader, module: RawModule, limits: ShapeLimits): void {
  module.dataSegments = reader.count("data segments", limits.definitions);
  for (let i = module.dataSegments; i > 0; i--) {
    const offset = reader.at;
    const flags = reader.u32();
    if (flags > 2) throw refusal("a data segment is of an unknown kind", { offset });
    if (flags !== 0) module.features.add("bulk-memory");
    if (flags === 2 && reader.u32() !== 0) throw refusal("multi-memory is not supported", { offset });
    if (flags !== 1) skipConstant(reader, module);
    const length = reader.u32();
    reader.skip(length);
    module.dataBytes += length;
    if (module.dataBytes > limits.dataBytes) {
      throw refusal(`it has more than ${limits.dataBytes} bytes of data`, { offset });
    }
  }
}

function readDataCount(reader: ByteReader, module: RawModule): void {
  module.features.add("bulk-memory");
  module.dataSegments = reader.u32();
}
