/**
 * What is to be put into the body of a function, and where: filled by the scan, read when the body is written.
 * Guarantees: insertions come in the order of their places; none of them changes what the operations around it find on
 * the stack.
 */

/** Charge what a run costs. */
export const CHARGE = 0;
/** Before a call: hand the fuel over. */
export const SPILL = 1;
/** After a call: take it back. */
export const RELOAD = 2;
/** Before an operation that takes as long as its operand says, or in its place: charge that, and let it be stopped. */
export const BULK_OPERATION = 3;
/** In place of `memory.grow`. */
export const GROW = 4;
/** After an operation that may leave a NaN: give it the bits of the canonical one. */
export const NAN = 5;
/** In place of `return`: leave by the end of the body. */
export const LEAVE = 6;

export class BodyPlan {
  /** Where, as a byte of the module; what; and its charge, operation, kind of NaN or depth. */
  places = new Int32Array(256);
  kinds = new Uint8Array(256);
  values = new Int32Array(256);
  count = 0;
  /** Units of each charge. */
  units = new Int32Array(64);
  charges = 0;

  /** After the declarations of locals. */
  codeAt = 0;
  params = 0;
  locals = 0;
  /** Groups of declared locals, and where they stand. */
  groups = 0;
  groupsAt = 0;
  /** The most operands on the stack at once. */
  height = 0;
  usesVectors = false;
  hasCalls = false;
  hasLoops = false;
  /** A loop in which nothing is called: there the fuel is best kept in a local. */
  hasTightLoop = false;
  hasBulk = false;
  hasGrow = false;
  /** By kind of NaN. */
  readonly canonical = [false, false, false, false, false];
  /** What one pass through every operation would cost. */
  total = 0;
  /** Types of declared locals, by their number; parameters are 0. */
  readonly localTypes: number[] = [];
  /** Functions that it calls, and functions that it takes the reference of. */
  readonly calls: number[] = [];
  readonly references: number[] = [];
  callsTable = false;

  reset(): void {
    this.count = 0;
    this.charges = 0;
    this.groups = 0;
    this.height = 0;
    this.usesVectors = false;
    this.hasCalls = false;
    this.hasLoops = false;
    this.hasTightLoop = false;
    this.hasBulk = false;
    this.hasGrow = false;
    this.canonical.fill(false);
    this.total = 0;
    this.localTypes.length = 0;
    this.calls.length = 0;
    this.references.length = 0;
    this.callsTable = false;
  }

  insert(place: number, kind: number, value: number): void {
    if (this.count === this.places.length) this.#grow();
    this.places[this.count] = place;
    this.kinds[this.count] = kind;
    this.values[this.count++] = value;
  }

  /** Begins a charge at a place, and returns its number. */
  charge(place: number): number {
    if (this.charges === this.units.length) {
      const units = new Int32Array(this.charges * 2);
      units.set(this.units);
      this.units = units;
    }
    this.units[this.charges] = 0;
    this.insert(place, CHARGE, this.charges);
    return this.charges++;
  }

  #grow(): void {
    const places = new Int32Array(this.count * 2);
    const kinds = new Uint8Array(this.count * 2);
    const values = new Int32Array(this.count * 2);
    places.set(this.places);
    kinds.set(this.kinds);
    values.set(this.values);
    this.places = places;
    this.kinds = kinds;
    this.values = values;
  }
}
