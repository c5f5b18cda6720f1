/**
 * Scans the body of a function and plans what is put into it: charges of fuel, the bits of NaN, what goes around calls.
 *
 * Guarantees, for a body that the validator has accepted:
 * - every operation is covered by a charge that is executed before it, on every way to it, and again in each turn of a
 *   loop: a charge covers what comes after it until the block it is in ends, and not what is in loops;
 * - a charge is at most what a run may cost, so that what is charged for a branch that is not taken stays small.
 */
import { BodyPlan, BULK_OPERATION, GROW, LEAVE, RELOAD, SPILL } from "./body-plan.js";
import type { ByteReader } from "./byte-reader.js";
import type { CostTable } from "./costs.js";
import { skipImmediate } from "./immediates.js";
import type { ShapeLimits } from "./limits.js";
import { type FunctionType, type RawModule, readValueType, V128 } from "./module-reader.js";
import { NanFlow } from "./nan-flow.js";
import {
  BLOCK,
  BR,
  BR_IF,
  BR_TABLE,
  BULK,
  BULK_OPERATIONS,
  CALL,
  CALL_INDIRECT,
  ELSE,
  END,
  IF,
  isVector,
  LOOP,
  MEMORY_GROW,
  NOP,
  operationName,
  popsOf,
  pushesOf,
  RETURN,
  SIMD,
  TABLE_GET,
  TABLE_SET,
} from "./operations.js";
import { refusal } from "./refusal.js";
import { featureOfOpcode } from "./refused-features.js";

/** No charge covers what comes next. */
const NONE = -1;
/** What is noted of an open block: something was called in it; nothing gets to where it begins. */
const CALLS = 1;
const DEAD = 2;
/** What a place where ways part or join costs a compiler besides what is alive there, counted like locals. */
const PLACE_UNITS = 32;
/** Such places in what is written around an operation with a length, and around `memory.grow`. */
const BULK_PLACES = 4;
const GROW_PLACES = 8;

export class BodyScan {
  readonly plan = new BodyPlan();
  readonly #flow = new NanFlow(this.plan);
  readonly #module: RawModule;
  readonly #limits: ShapeLimits;
  readonly #costs: CostTable;
  readonly #canonical: boolean;
  readonly #vectorsOutside: boolean;

  /** The open blocks: what they are, the height below them, their results, the charge before them. */
  readonly #kind: Uint16Array;
  readonly #base: Int32Array;
  readonly #params: Int32Array;
  readonly #results: Int32Array;
  readonly #before: Int32Array;
  readonly #notes: Uint8Array;
  #depth = 0;
  #height = 0;
  #dead = false;
  #charge = NONE;
  #joined = 0;
  /** Of all functions. */
  #moduleJoined = 0;
  #function = 0;
  #blockParams = 0;
  #blockResults = 0;

  constructor(module: RawModule, limits: ShapeLimits, costs: CostTable, canonical: boolean) {
    this.#module = module;
    this.#limits = limits;
    this.#costs = costs;
    this.#canonical = canonical;
    this.#vectorsOutside = module.features.has("simd");
    const depth = limits.nesting + 1;
    this.#kind = new Uint16Array(depth);
    this.#base = new Int32Array(depth);
    this.#params = new Int32Array(depth);
    this.#results = new Int32Array(depth);
    this.#before = new Int32Array(depth);
    this.#notes = new Uint8Array(depth);
  }

  /**
   * Scans a body; the plan is that of the last one.
   *
   * @throws LlmdbError `LLMDB_WASM_REFUSED`
   */
  scan(reader: ByteReader, index: number, type: FunctionType): BodyPlan {
    const { plan } = this;
    plan.reset();
    this.#function = index;
    this.#joined = 0;
    plan.usesVectors = this.#vectorsOutside;
    this.#readLocals(reader, type);
    plan.codeAt = reader.at;
    this.#height = 0;
    this.#dead = false;
    this.#depth = 0;
    this.#flow.begin();
    this.#charge = this.#beginRun(reader.at);
    this.#enter(BLOCK, 0, type.results.length);
    while (this.#depth > 0) this.#operation(reader);
    if (this.#canonical) this.#flow.end();
    if (!reader.isAtEnd) throw this.#refusal("a body is longer than what is in it", reader.at);
    return plan;
  }

  /** Before all functions are scanned once more. */
  restart(): void {
    this.#moduleJoined = 0;
  }

  /** What is alive where ways part or join: a compiler goes through all of it at each such place. */
  #join(alive: number, at: number): void {
    this.#joined += alive;
    this.#joinInModule(1, at);
    if (this.#joined > this.#limits.localsTimesBlocks) {
      throw this.#refusal("its locals, operands and blocks together would take too long to compile", at);
    }
  }

  /** Of all functions locals are counted everywhere, since each of these places may have a copy of where they are. */
  #joinInModule(places: number, at: number): void {
    this.#moduleJoined += places * (this.plan.locals + this.#height + PLACE_UNITS);
    if (this.#moduleJoined > this.#limits.moduleJoins) {
      throw this.#refusal("all its functions together would take too long to compile", at);
    }
  }

  #refusal(what: string, offset: number): Error {
    return refusal(what, { offset, function: this.#function });
  }

  #readLocals(reader: ByteReader, type: FunctionType): void {
    const { plan } = this;
    plan.params = type.params.length;
    plan.groups = reader.count("groups of locals", this.#limits.locals);
    plan.groupsAt = reader.at;
    let locals = plan.params;
    for (let i = 0; i < plan.params; i++) plan.localTypes.push(0);
    for (let i = plan.groups; i > 0; i--) {
      const offset = reader.at;
      locals += reader.u32();
      if (locals > this.#limits.locals) {
        throw this.#refusal(`it has more than ${this.#limits.locals} locals`, offset);
      }
      const localType = readValueType(reader, this.#module);
      if (localType === V128) plan.usesVectors = true;
      while (plan.localTypes.length < locals) plan.localTypes.push(localType);
    }
    plan.locals = locals;
  }

  #operation(reader: ByteReader): void {
    const at = reader.at;
    const first = reader.byte();
    let operation = first;
    if (first === 0xfc || first === 0xfd) {
      const second = reader.u32();
      operation = (first === 0xfc ? BULK : SIMD) + second;
      if (second > 255 || operationName[operation] === "") throw this.#unsupported(first, second, at);
      this.#noteFeature(operation);
    } else if (first === 0xfb || first === 0xfe || operationName[operation] === "") {
      throw this.#unsupported(first, 0, at);
    }
    if (operation <= CALL_INDIRECT) this.#control(operation, at, reader);
    else this.#simple(operation, at, reader);
  }

  #unsupported(first: number, second: number, at: number): Error {
    return this.#refusal(`${featureOfOpcode(first, second)} is not supported`, at);
  }

  #noteFeature(operation: number): void {
    const { features } = this.#module;
    if (isVector(operation)) {
      this.plan.usesVectors = true;
      features.add("simd");
    } else if (operation < BULK + 8) features.add("nontrapping-float-to-int");
    else features.add(operation >= BULK + 15 ? "reference-types" : "bulk-memory");
  }

  #control(operation: number, at: number, reader: ByteReader): void {
    if (operation === END) this.#leave();
    else if (operation === ELSE) this.#else(at);
    else if (operation <= IF && operation >= BLOCK) this.#block(operation, at, reader);
    else if (operation >= CALL) this.#call(operation, at, reader);
    else this.#branch(operation, at, reader);
  }

  /** A charge for what comes next, at once where it is to cover as much as it can. */
  #beginRun(at: number): number {
    return this.#costs.isExact ? NONE : this.#newCharge(at);
  }

  /** What is written for a charge has a branch, and so has what is written for an operand. */
  #newCharge(at: number): number {
    this.#join(this.#height, at);
    return this.plan.charge(at);
  }

  /** Adds the cost of an operation at a place to the charge that covers it. */
  #cost(operation: number, at: number): void {
    if (this.#dead) return;
    const units = this.#costs.units[operation];
    if (units === 0) return;
    const { plan } = this;
    const isFull = this.#charge !== NONE && plan.units[this.#charge] + units > this.#costs.run;
    if (this.#charge === NONE || (isFull && !this.#costs.isExact)) this.#charge = this.#newCharge(at);
    plan.units[this.#charge] += units;
    plan.total += units;
  }

  #block(operation: number, at: number, reader: ByteReader): void {
    this.#cost(operation, at);
    if (operation === IF) this.#pop(1);
    this.#readBlockType(reader);
    this.#join(this.plan.locals + this.#height, at);
    this.#handOn(this.#blockParams);
    this.#pop(this.#blockParams);
    this.#enter(operation, this.#blockParams, this.#blockResults);
    if (operation === LOOP) {
      this.plan.hasLoops = true;
      // Each turn is charged for again.
      this.#charge = this.#beginRun(reader.at);
    } else if (operation === IF && this.#costs.isExact) this.#charge = NONE;
  }

  #readBlockType(reader: ByteReader): void {
    const next = reader.peek();
    this.#blockParams = 0;
    this.#blockResults = 0;
    if (next === 0x40) {
      reader.byte();
      return;
    }
    if ((next & 0xc0) === 0x40) {
      this.#blockResults = 1;
      if (readValueType(reader, this.#module) === V128) this.plan.usesVectors = true;
      return;
    }
    const { at } = reader;
    const type = this.#module.types[reader.s33()];
    if (type === undefined) throw this.#refusal("there is no such type", at);
    this.#module.features.add("multi-value");
    this.#noteTypes(type);
    this.#blockParams = type.params.length;
    this.#blockResults = type.results.length;
  }

  #noteTypes(type: FunctionType): void {
    if (type.hasVectors) this.plan.usesVectors = true;
  }

  #enter(kind: number, params: number, results: number): void {
    const depth = this.#depth++;
    if (depth > this.#limits.nesting) {
      throw this.#refusal(`its blocks are nested deeper than ${this.#limits.nesting}`, this.plan.codeAt);
    }
    this.#kind[depth] = kind;
    this.#base[depth] = this.#height;
    this.#params[depth] = params;
    this.#results[depth] = results;
    this.#before[depth] = this.#charge;
    this.#notes[depth] = this.#dead ? DEAD : 0;
    this.#push(params);
  }

  #else(at: number): void {
    const depth = this.#depth - 1;
    if (this.#kind[depth] !== IF) throw this.#refusal("an else is in no if", at);
    this.#handOn(this.#results[depth]);
    this.#kind[depth] = ELSE;
    this.#height = this.#base[depth];
    this.#push(this.#params[depth]);
    this.#dead = this.#isDeadOutside(depth);
    this.#charge = this.#costs.isExact ? NONE : this.#before[depth];
  }

  #leave(): void {
    this.#handOn(this.#results[this.#depth - 1]);
    const depth = --this.#depth;
    const calls = this.#notes[depth] & CALLS;
    if (this.#kind[depth] === LOOP && calls === 0) this.plan.hasTightLoop = true;
    if (depth > 0) this.#notes[depth - 1] |= calls;
    this.#height = this.#base[depth];
    this.#push(this.#results[depth]);
    this.#dead = depth > 0 && this.#isDeadOutside(depth);
    this.#charge = this.#costs.isExact ? NONE : this.#before[depth];
  }

  /** Whether the block at a depth was entered where nothing gets to. */
  #isDeadOutside(depth: number): boolean {
    return (this.#notes[depth] & DEAD) !== 0;
  }

  #branch(operation: number, at: number, reader: ByteReader): void {
    this.#cost(operation, at);
    if (operation === BR_IF) {
      this.#pop(1);
      this.#handOn(this.#height);
      this.#join(this.#height, at);
      reader.u32();
      if (this.#costs.isExact) this.#charge = NONE;
      return;
    }
    if (operation === NOP) return;
    this.#joinInModule(1, at);
    if (operation === BR) reader.u32();
    else if (operation === BR_TABLE) this.#skipLabels(reader);
    else if (operation === RETURN) this.plan.insert(at, LEAVE, this.#depth - 1);
    this.#handOn(this.#height);
    this.#height = this.#base[this.#depth - 1];
    this.#dead = true;
  }

  #skipLabels(reader: ByteReader): void {
    this.#join(this.plan.locals + this.#height, reader.at);
    const targets = reader.count("targets of a branch", this.#limits.branchTargets);
    this.#joinInModule(targets, reader.at);
    for (let i = targets; i >= 0; i--) reader.u32();
  }

  #call(operation: number, at: number, reader: ByteReader): void {
    const { plan } = this;
    this.#cost(operation, at);
    this.#join(this.#height, at);
    plan.insert(at, SPILL, 0);
    const type = operation === CALL ? this.#calledType(reader) : this.#indirectType(reader);
    this.#noteTypes(type);
    plan.insert(reader.at, RELOAD, 0);
    plan.hasCalls = true;
    this.#notes[this.#depth - 1] |= CALLS;
    this.#handOn(type.params.length);
    this.#pop(type.params.length);
    this.#push(type.results.length);
  }

  #calledType(reader: ByteReader): FunctionType {
    const { at } = reader;
    const { functionTypes, types, importedFunctions } = this.#module;
    const index = reader.u32();
    const type = types[functionTypes[index]];
    if (type === undefined) throw this.#refusal("there is no such function", at);
    this.plan.calls.push(index);
    if (index < importedFunctions && this.#charge !== NONE && !this.#dead) {
      this.plan.units[this.#charge] += this.#costs.hostCall;
      this.plan.total += this.#costs.hostCall;
    }
    return type;
  }

  #indirectType(reader: ByteReader): FunctionType {
    const { at } = reader;
    this.#pop(1);
    this.plan.callsTable = true;
    const type = this.#module.types[reader.u32()];
    if (reader.u32() > 0) this.#module.features.add("reference-types");
    if (type === undefined) throw this.#refusal("there is no such type", at);
    return type;
  }

  #simple(operation: number, at: number, reader: ByteReader): void {
    this.#cost(operation, at);
    const { plan } = this;
    if (BULK_OPERATIONS.has(operation)) {
      plan.hasBulk = true;
      this.#join(this.#height, at);
      this.#joinInModule(BULK_PLACES - 1, at);
      plan.insert(at, BULK_OPERATION, operation);
    }
    // A call of the engine.
    if (operation === TABLE_GET || operation === TABLE_SET) this.#joinInModule(1, at);
    const immediate = reader.at;
    skipImmediate(operation, reader, this.#module, plan.references);
    if (operation === MEMORY_GROW) {
      plan.hasGrow = true;
      this.#join(4 * this.#height, at);
      this.#joinInModule(GROW_PLACES - 1, at);
      plan.insert(at, GROW, reader.at - at);
    }
    const isFollowed = this.#canonical && !this.#dead;
    if (isFollowed) this.#flow.takeOperands(operation, this.#height, reader.bytes, immediate);
    this.#pop(popsOf[operation]);
    this.#push(pushesOf[operation]);
    if (isFollowed && pushesOf[operation] !== 0) this.#flow.leaveResult(operation, this.#height - 1, reader, immediate);
  }

  /** The topmost values go somewhere where they are not followed. */
  #handOn(count: number): void {
    if (!this.#canonical || this.#dead) return;
    const base = this.#depth > 0 ? this.#base[this.#depth - 1] : 0;
    this.#flow.take(Math.max(base, this.#height - count), this.#height, 0);
  }

  #push(count: number): void {
    if (this.#canonical) this.#flow.close(this.#height, count);
    this.#height += count;
    if (this.#height <= this.plan.height) return;
    this.plan.height = this.#height;
    if (this.#height > this.#limits.locals) {
      throw this.#refusal(`it has more than ${this.#limits.locals} operands at a time`, this.plan.codeAt);
    }
  }

  /** Where nothing gets to, operands may be taken that were never there. */
  #pop(count: number): void {
    const base = this.#depth > 0 ? this.#base[this.#depth - 1] : 0;
    this.#height = Math.max(base, this.#height - count);
  }
}
