/**
 * Functions that are added after those of a module, for what must not be done in one go or without a look at a limit.
 * Guarantees: they do what the operation does that they stand for, a trap before the first byte included; the engine
 * looks for a request to stop when one is entered and in each turn of its loops, so that a watchdog can end a straight
 * run of long operations; a table grows only within what all tables may have together.
 *
 * The engine looks at no other places: not before an operation, however long it takes.
 */
import type { AddedTypes } from "./added-types.js";
import type { ByteWriter } from "./byte-writer.js";
import { I32, type SizeLimits } from "./module-reader.js";

/** Entries of tables that count as a page of 64 KiB: an entry takes up to 32 bytes. */
export const ENTRIES_PER_PAGE_SHIFT = 11;

/** Bytes that are copied or filled where they stand, without the call of a function. */
export const SHORT_BYTES = 1024;

/**
 * As `memory.fill`, 1 MiB at a time. What is out of bounds is left to the operation, which traps before it writes.
 *
 * ```wat
 * (func $fill (param $to i32) (param $value i32) (param $n i32)
 *   (loop $next
 *     (if (i32.or
 *           (i32.le_u (local.get $n) (i32.const 0x100000))
 *           (i64.gt_u
 *             (i64.add (i64.extend_i32_u (local.get $to)) (i64.extend_i32_u (local.get $n)))
 *             (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
 *       (then (memory.fill (local.get $to) (local.get $value) (local.get $n)) (return)))
 *     (memory.fill (local.get $to) (local.get $value) (i32.const 0x100000))
 *     (local.set $to (i32.add (local.get $to) (i32.const 0x100000)))
 *     (local.set $n (i32.sub (local.get $n) (i32.const 0x100000)))
 *     (br $next)))
 * ```
 */
export const FILL =
  "0003402002418080c0004d2000ad2002ad7c3f00ad42108656720440200020012002fc0b000f0b20002001418080c000" +
  "fc0b002000418080c0006a21002002418080c0006b21020c000b0b";

/**
 * As `memory.copy`, 1 MiB at a time: the last piece first where it goes upwards, since the two may overlap.
 *
 * ```wat
 * (func $copy (param $to i32) (param $from i32) (param $n i32)
 *   (loop $next
 *     (if (i32.or
 *           (i32.le_u (local.get $n) (i32.const 0x100000))
 *           (i64.gt_u
 *             (i64.add
 *               (i64.extend_i32_u
 *                 (select (local.get $to) (local.get $from) (i32.gt_u (local.get $to) (local.get $from))))
 *               (i64.extend_i32_u (local.get $n)))
 *             (i64.shl (i64.extend_i32_u (memory.size)) (i64.const 16))))
 *       (then (memory.copy (local.get $to) (local.get $from) (local.get $n)) (return)))
 *     (local.set $n (i32.sub (local.get $n) (i32.const 0x100000)))
 *     (if (i32.gt_u (local.get $to) (local.get $from))
 *       (then (memory.copy
 *         (i32.add (local.get $to) (local.get $n)) (i32.add (local.get $from) (local.get $n)) (i32.const 0x100000)))
 *       (else
 *         (memory.copy (local.get $to) (local.get $from) (i32.const 0x100000))
 *         (local.set $to (i32.add (local.get $to) (i32.const 0x100000)))
 *         (local.set $from (i32.add (local.get $from) (i32.const 0x100000)))))
 *     (br $next)))
 * ```
 */
export const COPY =
  "0003402002418080c0004d20002001200020014b1bad2002ad7c3f00ad42108656720440200020012002fc0a00000f0b" +
  "2002418080c0006b2102200020014b0440200020026a200120026a418080c000fc0a00000520002001418080c000" +
  "fc0a00002000418080c0006a21002001418080c0006a21010b0c000b0b";

/** Opcodes that are written here. */
const OP = {
  unreachable: 0x00,
  nop: 0x01,
  if: 0x04,
  end: 0x0b,
  return: 0x0f,
  call: 0x10,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  i32Const: 0x41,
  i32Eq: 0x46,
  i32LtS: 0x48,
  i32GtU: 0x4b,
  i32LeU: 0x4d,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32ShrU: 0x76,
} as const;
const VOID = 0x40;
/** Enough that no compiler puts the function into its callers: V8 does that up to 500 bytes. */
const NOPS = 1000;
const TABLE_GROW = [0xfc, 15];
const TABLE_SIZE = [0xfc, 16];

/** A table of the module, and how far it may grow by the module's own word. */
export interface GrowingTable extends SizeLimits {
  readonly index: number;
  readonly element: number;
}

/** What growing tables is measured by. */
export interface TableMeters {
  /** The global with the pages that the memory may have. */
  readonly pages: number;
  /** The global with the entries that all tables have. */
  readonly entries: number;
  /** The most entries of all tables together. */
  readonly mostEntries: number;
  readonly hasMemory: boolean;
}

interface AddedFunction {
  readonly type: number;
  write(out: ByteWriter): void;
}

export class AddedFunctions {
  /** In the order in which they were first asked for. */
  readonly #list: AddedFunction[] = [];
  readonly #indices = new Map<string, number>();
  readonly #firstIndex: number;
  readonly #types: AddedTypes;
  readonly #meters: TableMeters;

  /** @param firstIndex how many functions the module has, imported ones counted */
  constructor(firstIndex: number, types: AddedTypes, meters: TableMeters) {
    this.#firstIndex = firstIndex;
    this.#types = types;
    this.#meters = meters;
  }

  get count(): number {
    return this.#list.length;
  }

  /** Indices of functions, each added where it is first needed. */
  look(): number {
    const write = (out: ByteWriter) => writeLook(out, this.look(), this.#meters.pages);
    return this.#add("look", [], [], write);
  }

  fill(): number {
    return this.#add("fill", [I32, I32, I32], [], (out) => out.bytes(Buffer.from(FILL, "hex"), 0, FILL.length / 2));
  }

  copy(): number {
    return this.#add("copy", [I32, I32, I32], [], (out) => out.bytes(Buffer.from(COPY, "hex"), 0, COPY.length / 2));
  }

  /** As `table.grow` of a table. */
  grow(table: GrowingTable): number {
    const write = (out: ByteWriter) => writeGrow(out, table, this.#meters);
    return this.#add(`grow ${table.index}`, [table.element, I32], [I32], write);
  }

  #add(name: string, params: readonly number[], results: readonly number[], write: AddedFunction["write"]): number {
    const known = this.#indices.get(name);
    if (known !== undefined) return known;
    const index = this.#firstIndex + this.#list.length;
    this.#list.push({ type: this.#types.numberOf(params, results), write });
    this.#indices.set(name, index);
    return index;
  }

  /** What belongs into the section of functions. */
  writeTypes(out: ByteWriter): void {
    for (const { type } of this.#list) out.u32(type);
  }

  /** What belongs into the section of code. */
  writeBodies(out: ByteWriter): void {
    for (const { write } of this.#list) out.sized(() => write(out));
  }
}

/**
 * A function that does nothing but leave a chance to stop. V8 looks for a request where a function is entered that
 * calls another one and that was not put into its caller. So it is long, and has a call of itself that is never made.
 */
function writeLook(out: ByteWriter, own: number, pages: number): void {
  out.byte(0);
  for (let i = 0; i < NOPS; i++) out.byte(OP.nop);
  out.byte(OP.globalGet);
  out.u32(pages);
  out.byte(OP.i32Const);
  out.signed(-1);
  out.code(OP.i32LtS, OP.if, VOID, OP.call);
  out.u32(own);
  out.code(OP.end, OP.end);
}

/**
 * Growing beyond what the module says of the table answers -1, as it would. Growing beyond what all tables may have
 * together, or what is left of the memory, traps with the meter of pages below zero, and so does a table that the
 * machine has no room for: else the answer would depend on the machine.
 */
function writeGrow(out: ByteWriter, table: GrowingTable, meters: TableMeters): void {
  const [value, count, result] = [0, 1, 2];
  const get = (local: number) => out.code(OP.localGet, local);
  const constant = (number: number) => {
    out.byte(OP.i32Const);
    out.signed(number | 0);
  };
  const global = (operation: number, index: number) => {
    out.byte(operation);
    out.u32(index);
  };
  const table32 = (operation: readonly number[]) => {
    out.code(...operation);
    out.u32(table.index);
  };
  const failIf = () => {
    out.code(OP.if, VOID);
    constant(-1);
    global(OP.globalSet, meters.pages);
    out.code(OP.unreachable, OP.end);
  };
  const pagesOf = (entries: () => void) => {
    entries();
    constant(ENTRIES_PER_PAGE_SHIFT);
    out.byte(OP.i32ShrU);
  };
  const entriesNow = () => global(OP.globalGet, meters.entries);
  const entriesThen = () => {
    entriesNow();
    get(count);
    out.byte(OP.i32Add);
  };
  out.code(1, 1, I32);
  // Within its own maximum?
  get(count);
  constant(table.max ?? 0xffffffff);
  table32(TABLE_SIZE);
  out.code(OP.i32Sub, OP.i32LeU, OP.if, VOID);
  // Within that of all?
  get(count);
  constant(meters.mostEntries);
  entriesNow();
  out.code(OP.i32Sub, OP.i32GtU);
  failIf();
  // What it takes of the memory's allowance.
  global(OP.globalGet, meters.pages);
  pagesOf(entriesThen);
  out.byte(OP.i32Sub);
  pagesOf(entriesNow);
  out.byte(OP.i32Add);
  out.code(OP.localTee, result);
  if (meters.hasMemory) out.code(OP.memorySize, 0);
  else constant(0);
  out.byte(OP.i32LtS);
  failIf();
  get(result);
  global(OP.globalSet, meters.pages);
  entriesThen();
  global(OP.globalSet, meters.entries);
  get(value);
  get(count);
  table32(TABLE_GROW);
  out.code(OP.localTee, result);
  constant(-1);
  out.byte(OP.i32Eq);
  failIf();
  get(result);
  out.code(OP.return, OP.end);
  constant(-1);
  out.byte(OP.end);
}
