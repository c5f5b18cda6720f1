/**
 * Which results need the bits of the canonical NaN. An operation of floats may leave a NaN with bits of the machine's
 * choice: an *open* value. As long as only such operations and comparisons look at it, its bits make no difference. It
 * is closed where anything else takes it.
 *
 * Guarantees: bits of a NaN that the machine chose are never seen by the module; a value that was loaded, passed or
 * given as a constant keeps its bits. A local may hold open values only if it holds nothing else but those and what is
 * never a NaN.
 *
 * Values are followed within a function, from the operation to whatever takes them; what a block hands on is closed.
 */
import { type BodyPlan, NAN } from "./body-plan.js";
import type { ByteReader } from "./byte-reader.js";
import { F32, F64, V128 } from "./module-reader.js";
import {
  DROP,
  F32_CONST,
  F64_CONST,
  ignoresNan,
  LOCAL_GET,
  LOCAL_SET,
  LOCAL_TEE,
  NAN_F32,
  NAN_F64,
  nanOf,
  operationName,
  popsOf,
  VECTOR_CONST,
} from "./operations.js";

/** What is on the stack, besides open values, which are the numbers of their insertions. */
const CLOSED = -1;
/** It is no NaN. */
const NUMBER = -2;
/** A parameter; a local that holds no float. */
const PASSED = -1;
const NEVER = -2;

/** From integers to floats. */
const CONVERSIONS = new Set(
  operationName.flatMap((name, number) => (/^f(32|64)(x4|x2)?\.convert_/.test(name) ? [number] : [])),
);

/** What goes into a local and comes out of it. */
interface LocalUse {
  /** Of its NaN; of a vector, 0 until an open value is put into it. */
  kind: number;
  /** Something was put into it that is neither open nor a number. */
  isMixed: boolean;
  /** Insertions after what was put into it. */
  readonly sets: number[];
  /** Insertions after what was taken out of it. */
  readonly gets: number[];
  /** Locals whose values were put into it. */
  readonly from: number[];
}

export class NanFlow {
  readonly #plan: BodyPlan;
  /** What is at each height of the stack. */
  #stack = new Int32Array(256);
  readonly #locals = new Map<number, LocalUse>();
  /** By insertion: the local that the value came from. */
  readonly #origin = new Map<number, number>();
  /** By insertion of unknown kind: what it was taken as. */
  readonly #takenAs = new Map<number, number>();
  readonly #needed = new Set<number>();
  /** What a `local.tee` leaves. */
  #teed = CLOSED;

  constructor(plan: BodyPlan) {
    this.#plan = plan;
  }

  begin(): void {
    this.#locals.clear();
    this.#origin.clear();
    this.#takenAs.clear();
    this.#needed.clear();
  }

  /** Values come to the stack of which nothing is known. */
  close(height: number, count: number): void {
    for (let i = 0; i < count; i++) this.put(height + i, CLOSED);
  }

  /** Before an operation: it takes what lies topmost below a height. */
  takeOperands(operation: number, height: number, bytes: Uint8Array, immediate: number): void {
    if (operation === DROP) return;
    if (operation !== LOCAL_SET && operation !== LOCAL_TEE) {
      this.take(height - popsOf[operation], height, ignoresNan[operation]);
      return;
    }
    const local = indexAt(bytes, immediate);
    const kind = this.#nanOfLocal(local);
    this.#teed = kind >= 0 ? this.#stack[height - 1] : CLOSED;
    if (kind === PASSED) this.take(height - 1, height, 0);
    else if (kind !== NEVER) this.#setLocal(local, kind, height - 1);
  }

  /** After an operation: it has left its result at a height. */
  leaveResult(operation: number, height: number, reader: ByteReader, immediate: number): void {
    const nan = nanOf[operation];
    if (nan !== 0) this.#open(height, reader.at, nan);
    else if (operation === LOCAL_TEE) this.put(height, this.#teed);
    else if (operation === LOCAL_GET) {
      const local = indexAt(reader.bytes, immediate);
      const kind = this.#nanOfLocal(local);
      if (kind >= 0) this.#getLocal(local, kind, height, reader.at);
    } else if (isNumber(operation, reader.bytes, immediate)) this.put(height, NUMBER);
  }

  /** The kind of the NaN that a local may hold open; what was passed to the function keeps its bits. */
  #nanOfLocal(local: number): number {
    const type = this.#plan.localTypes[local];
    if (type === F32) return NAN_F32;
    if (type === F64) return NAN_F64;
    if (type === V128) return 0;
    return type === 0 ? PASSED : NEVER;
  }

  /** Sets what is at a height. */
  put(height: number, value: number): void {
    if (height >= this.#stack.length) {
      const stack = new Int32Array(Math.max(height + 1, this.#stack.length * 2));
      stack.set(this.#stack);
      this.#stack = stack;
    }
    this.#stack[height] = value;
  }

  /** An operation leaves an open value at a height; `place` is after the operation. */
  #open(height: number, place: number, kind: number): void {
    this.put(height, this.#plan.count);
    this.#plan.insert(place, NAN, kind);
  }

  /** Something takes what is between two heights, and sees the bits of all but open values of a kind. */
  take(from: number, to: number, kind: number): void {
    const { values } = this.#plan;
    for (let height = from; height < to; height++) {
      const value = this.#stack[height];
      if (value < 0 || (kind !== 0 && values[value] === kind)) continue;
      if (kind === 0 || values[value] !== 0) this.#needed.add(value);
      else if (!this.#takenAs.has(value)) this.#takenAs.set(value, kind);
      else if (this.#takenAs.get(value) !== kind) this.#needed.add(value);
    }
  }

  /** What is at a height goes into a local whose type has NaN of a kind; 0: a vector. */
  #setLocal(local: number, kind: number, height: number): void {
    const use = this.#use(local, kind);
    const value = this.#stack[height];
    if (value === NUMBER) return;
    if (value === CLOSED) {
      use.isMixed = true;
      return;
    }
    use.sets.push(value);
    const from = this.#origin.get(value);
    if (from !== undefined) use.from.push(from);
    else this.#agree(use, this.#plan.values[value]);
  }

  /** What is in a local comes to a height; `place` is after the operation. */
  #getLocal(local: number, kind: number, height: number, place: number): void {
    const use = this.#use(local, kind);
    const insertion = this.#plan.count;
    this.#open(height, place, kind);
    this.#origin.set(insertion, local);
    use.gets.push(insertion);
  }

  #use(local: number, kind: number): LocalUse {
    let use = this.#locals.get(local);
    if (use === undefined) {
      use = { kind, isMixed: false, sets: [], gets: [], from: [] };
      this.#locals.set(local, use);
    }
    return use;
  }

  /** A local has open values of one kind. Returns whether anything is other than before. */
  #agree(use: LocalUse, kind: number): boolean {
    if (kind === 0 || use.isMixed || use.kind === kind) return false;
    if (use.kind === 0) use.kind = kind;
    else use.isMixed = true;
    return true;
  }

  /** At the end of a body: leaves those insertions that are needed. */
  end(): void {
    this.#spread();
    for (const use of this.#locals.values()) this.#settle(use);
    const plan = this.#plan;
    for (let i = 0; i < plan.count; i++) {
      if (plan.kinds[i] !== NAN) continue;
      if (this.#needed.has(i)) plan.canonical[plan.values[i]] = true;
      else plan.values[i] = 0;
    }
  }

  /** A local that got the value of another is of its kind, and mixed where that is. Each changes at most twice. */
  #spread(): void {
    const takers = new Map<LocalUse, Set<LocalUse>>();
    for (const use of this.#locals.values()) {
      for (const local of use.from) {
        const other = this.#locals.get(local);
        if (other === undefined) continue;
        const taking = takers.get(other);
        if (taking === undefined) takers.set(other, new Set([use]));
        else taking.add(use);
      }
    }
    const changed = [...takers.keys()];
    for (let other = changed.pop(); other !== undefined; other = changed.pop()) {
      for (const use of takers.get(other) ?? []) if (this.#takeAfter(use, other)) changed.push(use);
    }
  }

  /** A local gets the value of another. Returns whether anything is other than before. */
  #takeAfter(use: LocalUse, other: LocalUse): boolean {
    const agreed = this.#agree(use, other.kind);
    if (use.isMixed || !other.isMixed) return agreed;
    use.isMixed = true;
    return true;
  }

  #isClosed(origin: number | undefined): boolean {
    const use = origin === undefined ? undefined : this.#locals.get(origin);
    return use !== undefined && holdsClosed(use);
  }

  #settle(use: LocalUse): void {
    const { values } = this.#plan;
    if (use.isMixed) for (const set of use.sets) if (!this.#isClosed(this.#origin.get(set))) this.#needed.add(set);
    for (const get of use.gets) {
      if (holdsClosed(use)) this.#needed.delete(get);
      else if (values[get] === 0) {
        values[get] = use.kind;
        if ((this.#takenAs.get(get) ?? use.kind) !== use.kind) this.#needed.add(get);
      }
    }
  }
}

/** What comes out of a mixed local was closed when it was put in; without a kind there are only numbers in it. */
function holdsClosed({ isMixed, kind }: LocalUse): boolean {
  return isMixed || kind === 0;
}

/** The index after an opcode, which was read before. */
function indexAt(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let i = 0; ; i++) {
    value |= (bytes[at + i] & 0x7f) << (7 * i);
    if (bytes[at + i] < 0x80) return value;
  }
}

/** Whether a result is no NaN: it was an integer, or is a constant that is none. */
function isNumber(operation: number, bytes: Uint8Array, at: number): boolean {
  if (operation === F32_CONST) return (bytes[at + 3] & 0x7f) !== 0x7f || (bytes[at + 2] & 0x80) === 0;
  if (operation === F64_CONST) return (bytes[at + 7] & 0x7f) !== 0x7f || (bytes[at + 6] & 0xf0) !== 0xf0;
  if (operation !== VECTOR_CONST) return CONVERSIONS.has(operation);
  for (let i = 0; i < 16; i++) if (bytes[at + i] !== 0) return false;
  return true;
}
