/**
 * A tree with bounds beside a model of its values, and random changes to both. Guarantees: what the cursors of the tree
 * find is compared with what the model holds, between changes and in the middle of them.
 */
import { expect } from "vitest";
import { type BoundFields, boundBytes } from "../../btree/bounds.js";
import { FilterCursor } from "../../btree/filter-cursor.js";
import type { LeafPlace } from "../../btree/floor.js";
import { copyKey, maxInlineBytes } from "../../btree/node.js";
import { beginChange } from "../../btree/tree.js";
import { expectSame, Random } from "../harness/index.js";
import { between, keyOf, padded, TreeBench } from "./tree-bench.js";

/** Bytes at the end of each key, and at the start of each value, that fields may be of. */
export const KEY_TAIL = 14;
export const VALUE_BYTES = 12;

export const KINDS = ["load", "load", "replace", "remove", "clear", "undo", "commit", "write between"] as const;

/** A tree with fields, and every value that is in it. */
export class BoundsBench extends TreeBench {
  readonly values = new Map<string, Uint8Array>();
  readonly random: Random;

  constructor(bounds: BoundFields, seed: number) {
    super(4096, bounds);
    this.random = new Random(seed);
  }

  /** Beginnings are shared, so that separators are long; few different bytes, so that many are equal. */
  newKey(): string {
    const { random } = this;
    const start = random.pick(["", "a".repeat(40), `${"b".repeat(300)}c`, `e${random.below(40)}${"f".repeat(450)}`]);
    return `${start}${random.chance() ? random.below(30) : ""}${this.bytes(KEY_TAIL)}`;
  }

  bytes(length: number): string {
    const { random } = this;
    return Array.from({ length }, () => random.pick(["\0", "\u0001", "m", "\u00fe", "\u00ff"])).join("");
  }

  write(key: string): void {
    const { random } = this;
    const length = VALUE_BYTES + random.below(random.chance(0.2) ? maxInlineBytes(4096) - VALUE_BYTES + 1 : 60);
    const value = keyOf(this.bytes(VALUE_BYTES).padEnd(length, "v"));
    this.put(key, length, value);
    this.values.set(key, value);
  }

  delete(key: string): void {
    this.remove(key);
    this.values.delete(key);
  }

  wipe(lower: string | null, upper: string | null): void {
    this.clear(lower, upper);
    this.#forgetGone();
  }

  #forgetGone(): void {
    for (const key of this.values.keys()) if (!this.model.has(key)) this.values.delete(key);
  }

  /** One of the keys that are there, or a new one. */
  someKey(): string {
    const keys = [...this.model.keys()];
    return keys.length === 0 || this.random.chance(0.1) ? this.newKey() : this.random.pick(keys);
  }

  change(): void {
    const { random } = this;
    const choice = random.below(10);
    if (choice < 4) this.write(this.newKey());
    else if (choice < 6) this.write(this.someKey());
    else if (choice < 9) this.delete(this.someKey());
    else if (random.chance(0.2)) this.wipe(this.someKey(), this.someKey());
  }

  /** Does something under a savepoint and takes it back. */
  undo(): void {
    const savepoint = this.owner.savepoint();
    const tree = this.tree.fork();
    const values = new Map(this.values);
    const model = new Map(this.model);
    for (let i = this.random.below(40); i >= 0; i--) this.change();
    beginChange(this.tree);
    this.tree.become(tree);
    this.owner.rollbackTo(savepoint);
    this.values.clear();
    this.model.clear();
    for (const [key, value] of values) this.values.set(key, value);
    for (const [key, length] of model) this.model.set(key, length);
  }

  /** A limit for each field: that of an entry, or any. */
  limits(): Uint8Array {
    const key = this.someKey();
    const value = this.values.get(key);
    if (value !== undefined && this.random.chance()) return fieldsOf(this.tree.bounds, key, value);
    return keyOf(this.bytes(boundBytes(this.tree.bounds)));
  }

  bound(): string | null {
    const { random } = this;
    return random.chance(0.3)
      ? null
      : random.chance()
        ? this.someKey()
        : random.pick(["a", "b", `${"b".repeat(300)}2`]);
  }

  matching(lower: string | null, upper: string | null, limits: Uint8Array): string[] {
    const inside = (key: string): boolean => (lower === null || key >= lower) && (upper === null || key < upper);
    return this.keys().filter((key) => {
      const value = this.values.get(key);
      return (
        value !== undefined && inside(key) && matches(this.tree.bounds, fieldsOf(this.tree.bounds, key, value), limits)
      );
    });
  }

  keyAt(place: LeafPlace): string {
    const { cache } = this.owner.reader;
    const key = new Uint8Array(this.pageSize);
    const length = copyKey(cache.views(place.frame), cache.base(place.frame), place.slot, key);
    return Buffer.from(key.subarray(0, length)).toString("latin1");
  }

  filtered(lower: string | null, upper: string | null, limits: Uint8Array, reverse: boolean): string[] {
    const cursor = new FilterCursor(this.tree, this.owner.reader, between(lower, upper), limits, reverse);
    const found: string[] = [];
    while (cursor.next()) found.push(this.keyAt(cursor));
    expect(cursor.next()).toBe(false);
    return found;
  }

  /** Filters now and then compares with the model, both ways. */
  compare(): void {
    for (let i = 0; i < 4; i++) {
      const [lower, upper, limits] = [this.bound(), this.bound(), this.limits()];
      const expected = this.matching(lower, upper, limits);
      expectSame(this.filtered(lower, upper, limits, false), expected, "forward");
      expectSame(this.filtered(lower, upper, limits, true), expected.toReversed(), "in reverse");
    }
    this.seekAlong();
  }

  /** Jumps forward between steps. */
  seekAlong(): void {
    const limits = this.limits();
    const [lower, upper] = [this.bound(), this.bound()];
    const expected = this.matching(lower, upper, limits);
    const cursor = new FilterCursor(this.tree, this.owner.reader, between(lower, upper), limits, false);
    let from = "";
    let last: string | undefined;
    for (;;) {
      for (let k = this.random.below(3); k > 0; k--) {
        const target = this.someKey();
        cursor.seek(padded(keyOf(target)), target.length);
        if (target > from) from = target;
      }
      const next = expected.find((key) => key >= from && (last === undefined || key > last));
      expectSame(cursor.next(), next !== undefined, "whether there is more");
      if (next === undefined) return;
      expectSame(this.keyAt(cursor), next, "after a jump");
      last = next;
    }
  }

  /** Writes between the steps of a cursor, which sees what is ahead of it. */
  writeBetween(reverse: boolean): void {
    const limits = this.limits();
    const [lower, upper] = [this.bound(), this.bound()];
    const cursor = new FilterCursor(this.tree, this.owner.reader, between(lower, upper), limits, reverse);
    let last: string | undefined;
    for (;;) {
      const all = this.matching(lower, upper, limits);
      const next = reverse
        ? all.findLast((key) => last === undefined || key < last)
        : all.find((key) => last === undefined || key > last);
      expectSame(cursor.next(), next !== undefined, "whether there is more, after writes");
      if (next === undefined) return;
      expectSame(this.keyAt(cursor), next, "after writes");
      last = next;
      for (let i = this.random.below(4); i > 0; i--) this.change();
      if (this.random.chance(0.1)) this.undo();
    }
  }

  run(kind: (typeof KINDS)[number]): void {
    const { random } = this;
    if (kind === "load")
      for (let i = random.below(random.chance(0.1) ? 600 : 80); i >= 0; i--) this.write(this.newKey());
    else if (kind === "replace") for (let i = random.below(30); i >= 0; i--) this.write(this.someKey());
    else if (kind === "remove") for (let i = random.below(60); i >= 0; i--) this.delete(this.someKey());
    else if (kind === "clear") this.wipe(this.bound(), this.bound());
    else if (kind === "undo") this.undo();
    else if (kind === "commit") this.commit();
    else this.writeBetween(random.chance());
  }
}

function fieldsOf(fields: BoundFields, key: string, value: Uint8Array): Uint8Array {
  const parts = fields.map(({ of, offset, bytes }) => {
    const at = of === "key" ? key.length - offset : offset;
    return (of === "key" ? keyOf(key) : value).subarray(at, at + bytes);
  });
  return Buffer.concat(parts);
}

function matches(fields: BoundFields, own: Uint8Array, limits: Uint8Array): boolean {
  let at = 0;
  return fields.every(({ bytes, keeps }) => {
    const order = Buffer.compare(own.subarray(at, at + bytes), limits.subarray(at, at + bytes));
    at += bytes;
    return keeps === "least" ? order <= 0 : order >= 0;
  });
}
