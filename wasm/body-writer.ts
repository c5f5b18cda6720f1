/**
 * Writes the body of a function with what was planned for it. Guarantees: what the module wrote is copied; locals are
 * added after its own; the label that leaves the function is that of a block around the body, so that every way out
 * but a trap hands the fuel over.
 *
 * Fuel is counted down in a global of the module. A function with a loop in which nothing is called takes it into a
 * local meanwhile: a global is a place in memory. Running out is negative fuel and a trap.
 */
import { type AddedFunctions, SHORT_BYTES } from "./added-functions.js";
import type { AddedTypes } from "./added-types.js";
import { BodyPlan, BULK_OPERATION, CHARGE, GROW, LEAVE, NAN, RELOAD, SPILL } from "./body-plan.js";
import { ByteReader } from "./byte-reader.js";
import type { ByteWriter } from "./byte-writer.js";
import type { CostTable } from "./costs.js";
import { F32, F64, type FunctionType, I32, I64, type TableType, V128 } from "./module-reader.js";
import {
  MEMORY_COPY,
  MEMORY_FILL,
  MEMORY_GROW,
  NAN_F32,
  NAN_F32X4,
  NAN_F64,
  NAN_F64X2,
  TABLE_GROW,
} from "./operations.js";

/** What is added to a module, by index. */
export interface Added {
  readonly fuel: number;
  readonly stack: number;
  readonly pages: number;
  readonly types: AddedTypes;
  readonly functions: AddedFunctions;
  /** The tables of the module, with how far each may grow. */
  readonly tables: readonly TableType[];
}

/** What a frame takes besides locals and operands, in units of eight bytes. */
const FRAME_UNITS = 8;
const VOID = 0x40;

/** Opcodes that are written. */
const OP = {
  unreachable: 0x00,
  block: 0x02,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  call: 0x10,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  memorySize: 0x3f,
  memoryGrow: 0x40,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eq: 0x46,
  i32LtS: 0x48,
  i32GtS: 0x4a,
  i32GtU: 0x4b,
  i64LtS: 0x53,
  f32Ne: 0x5c,
  f64Ne: 0x62,
  i32Sub: 0x6b,
  i64Sub: 0x7d,
  i64Mul: 0x7e,
  i64ShrU: 0x88,
  i64ExtendU: 0xad,
} as const;

const F32_NAN = [0x43, 0x00, 0x00, 0xc0, 0x7f];
const F64_NAN = [0x44, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f];
const F32X4_NAN = [0xfd, 12, ...new Array(4).fill([0x00, 0x00, 0xc0, 0x7f]).flat()];
const F64X2_NAN = [0xfd, 12, ...new Array(2).fill([0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x7f]).flat()];

/** The local that a NaN is looked at in, and how. */
interface NanFix {
  readonly local: number;
  readonly constant: readonly number[];
  readonly isOther: readonly number[];
  readonly choose: readonly number[];
}

/** What a frame of a function takes of the stack. */
export function frameUnits(plan: BodyPlan): number {
  const width = plan.usesVectors ? 2 : 1;
  return FRAME_UNITS + (plan.locals + plan.height) * width;
}

export class BodyWriter {
  readonly #out: ByteWriter;
  readonly #bytes: Uint8Array;
  readonly #costs: CostTable;
  readonly #added: Added;
  /** How large the memory may grow by the module's own word. */
  readonly #memoryMax: number;
  #plan: BodyPlan = new BodyPlan();
  /** The fuel is kept in a local. */
  #isLocal = false;
  #stackUnits = 0;
  #fuel = 0;
  #operand = 0;
  #stackBefore = 0;
  readonly #nans: (NanFix | undefined)[] = [];

  constructor(out: ByteWriter, bytes: Uint8Array, costs: CostTable, added: Added, memoryMax: number) {
    this.#out = out;
    this.#bytes = bytes;
    this.#costs = costs;
    this.#added = added;
    this.#memoryMax = memoryMax;
  }

  /** @param stackUnits what a call is charged of the stack */
  write(plan: BodyPlan, type: FunctionType, end: number, stackUnits: number): void {
    this.#plan = plan;
    this.#isLocal = plan.hasTightLoop;
    this.#stackUnits = stackUnits;
    this.#out.sized(() => {
      this.#writeLocals();
      const isWrapped = this.#isLocal || this.#stackUnits > 0;
      this.#enter();
      if (isWrapped) this.#openBlock(type.results);
      this.#writeCode(end - 1);
      if (isWrapped) this.#leave();
      this.#out.byte(OP.end);
    });
  }

  #writeLocals(): void {
    const plan = this.#plan;
    const types: number[] = [];
    let next = plan.locals;
    const add = (type: number): number => {
      types.push(type);
      return next++;
    };
    this.#fuel = add(I64);
    if (this.#stackUnits > 0) this.#stackBefore = add(I32);
    if (plan.hasBulk || plan.hasGrow) this.#operand = add(I32);
    const { canonical } = plan;
    this.#nans.length = 0;
    if (canonical[NAN_F32]) this.#nans[NAN_F32] = scalarFix(add(F32), F32_NAN, OP.f32Ne);
    if (canonical[NAN_F64]) this.#nans[NAN_F64] = scalarFix(add(F64), F64_NAN, OP.f64Ne);
    if (canonical[NAN_F32X4] || canonical[NAN_F64X2]) {
      const vector = add(V128);
      this.#nans[NAN_F32X4] = vectorFix(vector, F32X4_NAN, 66);
      this.#nans[NAN_F64X2] = vectorFix(vector, F64X2_NAN, 72);
    }
    const out = this.#out;
    out.u32(plan.groups + types.length);
    out.bytes(this.#bytes, plan.groupsAt, plan.codeAt);
    for (const type of types) out.code(1, type);
  }

  /** At the begin: takes the frame from the stack, and the fuel into its local. */
  #enter(): void {
    if (this.#stackUnits > 0) {
      const { stack } = this.#added;
      this.#global(OP.globalGet, stack);
      this.#local(OP.localTee, this.#stackBefore);
      this.#constant(OP.i32Const, this.#stackUnits);
      this.#out.byte(OP.i32Sub);
      this.#global(OP.globalSet, stack);
      this.#local(OP.localGet, this.#stackBefore);
      this.#constant(OP.i32Const, this.#stackUnits);
      this.#out.code(OP.i32LtS, OP.if, VOID, OP.unreachable, OP.end);
    }
    if (this.#isLocal) this.#reload();
  }

  #openBlock(results: readonly number[]): void {
    this.#out.byte(OP.block);
    if (results.length === 0) this.#out.byte(VOID);
    else if (results.length === 1) this.#out.byte(results[0]);
    else this.#out.signed(this.#added.types.numberOf([], results));
  }

  /** At the end: hands the fuel over, and gives the frame back. */
  #leave(): void {
    const { stack } = this.#added;
    this.#out.byte(OP.end);
    if (this.#isLocal) this.#spill();
    if (this.#stackUnits === 0) return;
    this.#local(OP.localGet, this.#stackBefore);
    this.#global(OP.globalSet, stack);
  }

  #writeCode(end: number): void {
    const { places, kinds, values, count, codeAt } = this.#plan;
    let from = codeAt;
    for (let i = 0; i < count; i++) {
      const place = places[i];
      this.#out.bytes(this.#bytes, from, place);
      from = place + this.#insert(kinds[i], values[i], place);
    }
    this.#out.bytes(this.#bytes, from, end);
  }

  /** Writes an insertion and returns how many bytes of the module it stands for. */
  #insert(kind: number, value: number, place: number): number {
    if (kind === CHARGE) this.#charge(this.#plan.units[value]);
    else if (kind === SPILL && this.#isLocal) this.#spill();
    else if (kind === RELOAD && this.#isLocal) this.#reload();
    else if (kind === NAN) this.#canonicalize(value);
    else if (kind === BULK_OPERATION) return this.#bulk(value, place);
    else if (kind === GROW) {
      this.#grow();
      return value;
    } else if (kind === LEAVE && (this.#isLocal || this.#stackUnits > 0)) {
      this.#out.byte(OP.br);
      this.#out.u32(value);
      return 1;
    }
    return 0;
  }

  #charge(units: number): void {
    if (units === 0) return;
    this.#takeFuel();
    this.#constant(OP.i64Const, units);
    this.#out.byte(OP.i64Sub);
    this.#keepFuel();
  }

  /** The engine looks for a request to stop where a function is entered, and not at operations that take long. */
  #bulk(operation: number, place: number): number {
    const { functions, tables } = this.#added;
    this.#local(OP.localTee, this.#operand);
    this.#chargeOperand(operation);
    if (operation === MEMORY_COPY || operation === MEMORY_FILL) return this.#bulkMemory(operation, place);
    if (operation === TABLE_GROW) {
      const reader = this.#immediateAt(place);
      const index = reader.u32();
      this.#call(functions.grow({ ...tables[index], index }));
      return reader.at - place;
    }
    this.#call(functions.look());
    return 0;
  }

  /** Copies and fills memory: a few bytes at once, more by a function that can be stopped in the middle of it. */
  #bulkMemory(operation: number, place: number): number {
    const out = this.#out;
    const { functions, types } = this.#added;
    const end = this.#immediateAt(place).at + (operation === MEMORY_COPY ? 2 : 1);
    this.#local(OP.localGet, this.#operand);
    this.#constant(OP.i32Const, SHORT_BYTES);
    out.code(OP.i32GtU, OP.if);
    out.signed(types.numberOf([I32, I32, I32], []));
    this.#call(operation === MEMORY_COPY ? functions.copy() : functions.fill());
    out.byte(OP.else);
    out.bytes(this.#bytes, place, end);
    out.byte(OP.end);
    return end - place;
  }

  /** After the two numbers that name an operation. */
  #immediateAt(place: number): ByteReader {
    const reader = new ByteReader(this.#bytes, place + 1);
    reader.u32();
    return reader;
  }

  #call(index: number): void {
    this.#out.byte(OP.call);
    this.#out.u32(index);
  }

  /** Charges for the operand in its local. */
  #chargeOperand(operation: number): void {
    const cost = this.#costs.perOperand.get(operation);
    if (cost === undefined) return;
    this.#takeFuel();
    this.#local(OP.localGet, this.#operand);
    this.#out.byte(OP.i64ExtendU);
    if (cost.units !== 1) {
      this.#constant(OP.i64Const, cost.units);
      this.#out.byte(OP.i64Mul);
    }
    if (cost.shift !== 0) {
      this.#constant(OP.i64Const, cost.shift);
      this.#out.byte(OP.i64ShrU);
    }
    this.#out.byte(OP.i64Sub);
    this.#keepFuel();
  }

  #takeFuel(): void {
    if (this.#isLocal) this.#local(OP.localGet, this.#fuel);
    else this.#global(OP.globalGet, this.#added.fuel);
  }

  /** Keeps what is left, and traps where nothing is. */
  #keepFuel(): void {
    const out = this.#out;
    this.#local(OP.localTee, this.#fuel);
    if (!this.#isLocal) {
      this.#global(OP.globalSet, this.#added.fuel);
      this.#local(OP.localGet, this.#fuel);
    }
    this.#constant(OP.i64Const, 0);
    out.code(OP.i64LtS, OP.if, VOID);
    if (this.#isLocal) this.#spill();
    out.code(OP.unreachable, OP.end);
  }

  #spill(): void {
    this.#local(OP.localGet, this.#fuel);
    this.#global(OP.globalSet, this.#added.fuel);
  }

  #reload(): void {
    this.#global(OP.globalGet, this.#added.fuel);
    this.#local(OP.localSet, this.#fuel);
  }

  #canonicalize(kind: number): void {
    const fix = this.#nans[kind];
    if (fix === undefined) return;
    this.#local(OP.localSet, fix.local);
    this.#out.code(...fix.constant);
    for (let i = 0; i < 3; i++) this.#local(OP.localGet, fix.local);
    this.#out.code(...fix.isOther, ...fix.choose);
  }

  /**
   * Growing beyond what the module says of itself answers -1, as it would; growing beyond what it was granted traps,
   * and so does memory that the machine does not have: else the answer would depend on the machine.
   */
  #grow(): void {
    const out = this.#out;
    const pages = this.#operand;
    this.#local(OP.localTee, pages);
    this.#constant(OP.i32Const, this.#memoryMax);
    out.code(OP.memorySize, 0, OP.i32Sub, OP.i32GtU, OP.if, I32);
    this.#constant(OP.i32Const, -1);
    out.byte(OP.else);
    this.#chargeOperand(MEMORY_GROW);
    this.#local(OP.localGet, pages);
    this.#global(OP.globalGet, this.#added.pages);
    out.code(OP.memorySize, 0, OP.i32Sub, OP.i32GtS);
    this.#failMemory();
    this.#local(OP.localGet, pages);
    out.code(OP.memoryGrow, 0);
    this.#local(OP.localTee, pages);
    this.#constant(OP.i32Const, -1);
    out.byte(OP.i32Eq);
    this.#failMemory();
    this.#local(OP.localGet, pages);
    out.byte(OP.end);
  }

  #failMemory(): void {
    this.#out.code(OP.if, VOID);
    this.#constant(OP.i32Const, -1);
    this.#global(OP.globalSet, this.#added.pages);
    this.#out.code(OP.unreachable, OP.end);
  }

  #local(operation: number, index: number): void {
    this.#out.byte(operation);
    this.#out.u32(index);
  }

  #global(operation: number, index: number): void {
    this.#out.byte(operation);
    this.#out.u32(index);
  }

  #constant(operation: number, value: number): void {
    this.#out.byte(operation);
    this.#out.signed(value);
  }
}

function scalarFix(local: number, constant: readonly number[], isOther: number): NanFix {
  return { local, constant, isOther: [isOther], choose: [OP.select] };
}

function vectorFix(local: number, constant: readonly number[], isOther: number): NanFix {
  return { local, constant, isOther: [0xfd, isOther], choose: [0xfd, 82] };
}
