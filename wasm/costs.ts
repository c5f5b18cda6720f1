/**
 * What each operation costs, in units of fuel. Guarantees: the costs of a version never change; a change is a new
 * version, so that what a call uses can be compared between machines and over time.
 *
 * A unit is about what a simple operation takes. It is no measure of time: from one operation to another a unit takes
 * between a fraction of a nanosecond and ten.
 */
import {
  BR_TABLE,
  BULK,
  CALL,
  CALL_INDIRECT,
  MEMORY_COPY,
  MEMORY_FILL,
  MEMORY_GROW,
  MEMORY_INIT,
  OPERATIONS,
  operationName,
  TABLE_COPY,
  TABLE_FILL,
  TABLE_GROW,
  TABLE_INIT,
} from "./operations.js";

/** A cost that goes with an operand: `operand * units >> shift`. */
export interface OperandCost {
  readonly units: number;
  readonly shift: number;
}

/** All costs of one version. */
export interface CostTable {
  readonly version: number;
  /** By the number of the operation. */
  readonly units: Uint16Array;
  /** Besides, for each byte, entry or page that an operation is asked to touch. */
  readonly perOperand: ReadonlyMap<number, OperandCost>;
  /** A call of an import, besides that of a call. */
  readonly hostCall: number;
  /** Each page of 64 KiB that a memory begins with. */
  readonly initialPage: number;
  /** A straight run is charged in one; it is cut where it would cost more. */
  readonly run: number;
  /** Charges at every branch, so that exactly what was executed is counted. */
  readonly isExact: boolean;
}

/** What stands for nothing that the machine does. */
const FREE = ["block", "loop", "else", "end", "nop"];

const PAGE_UNITS = 100_000;

function unitsOfVersion1(): Uint16Array {
  const units = new Uint16Array(OPERATIONS).fill(1);
  for (let number = 0; number < OPERATIONS; number++) {
    const name = operationName[number];
    if (FREE.includes(name)) units[number] = 0;
    else if (/^i(32|64)\.(div|rem)_/.test(name)) units[number] = 8;
    else if (/^f(32|64)(x4|x2)?\.(div|sqrt)$/.test(name)) units[number] = 6;
    else if (/^table\.(get|set)$/.test(name)) units[number] = 4;
  }
  units[BR_TABLE] = 3;
  units[CALL] = 4;
  units[CALL_INDIRECT] = 8;
  units[MEMORY_GROW] = 100;
  for (const number of [MEMORY_COPY, MEMORY_FILL, MEMORY_INIT]) units[number] = 10;
  for (const number of [TABLE_COPY, TABLE_FILL, TABLE_INIT]) units[number] = 10;
  units[TABLE_GROW] = 100;
  units[BULK + 9] = 10;
  units[BULK + 13] = 10;
  return units;
}

const EIGHTH: OperandCost = { units: 1, shift: 3 };
const FOUR: OperandCost = { units: 4, shift: 0 };

/** Version 1. */
export const COSTS: CostTable = {
  version: 1,
  units: unitsOfVersion1(),
  perOperand: new Map([
    [MEMORY_COPY, EIGHTH],
    [MEMORY_FILL, EIGHTH],
    [MEMORY_INIT, EIGHTH],
    [TABLE_COPY, FOUR],
    [TABLE_FILL, FOUR],
    [TABLE_INIT, FOUR],
    [TABLE_GROW, FOUR],
    [MEMORY_GROW, { units: PAGE_UNITS, shift: 0 }],
  ]),
  hostCall: 40,
  initialPage: PAGE_UNITS,
  run: 64,
  isExact: false,
};

/** One unit for each operation that is executed, exactly: to compare with an interpreter. */
export const EXACT_COSTS: CostTable = {
  version: 0,
  units: new Uint16Array(OPERATIONS).map((_, number) => (FREE.includes(operationName[number]) ? 0 : 1)),
  perOperand: new Map(),
  hostCall: 0,
  initialPage: 0,
  run: 64,
  isExact: true,
};
