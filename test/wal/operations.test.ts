/** The operations of a transaction: what was noted and not taken back is read, in order; damage is an error. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type BoundField, type BoundFields, NO_BOUNDS } from "../../btree/bounds.js";
import { OperationBuffer, type OperationMark } from "../../wal/operation-buffer.js";
import { readOperations } from "../../wal/operation-reader.js";
import { RECORD_HEADER_BYTES } from "../../wal/record.js";

type Operation = readonly [kind: string, ...unknown[]];

const bytes = fc.uint8Array({ maxLength: 40 });
const bound = fc.option(bytes, { nil: null });
const field: fc.Arbitrary<BoundField> = fc.record({
  of: fc.constantFrom("key" as const, "value" as const),
  offset: fc.integer({ min: 16, max: 255 }),
  bytes: fc.integer({ min: 1, max: 16 }),
  keeps: fc.constantFrom("least" as const, "greatest" as const),
});
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(
    fc.constant("map"),
    fc.oneof(
      { weight: 3, arbitrary: fc.constant("often") },
      fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
    ),
    fc.integer({ min: 1, max: 2 }),
    fc.oneof(fc.constant(NO_BOUNDS), fc.array(field, { maxLength: 4 })),
  ),
  fc.tuple(fc.constant("put"), bytes, fc.uint8Array({ maxLength: 3000 })),
  fc.tuple(fc.constant("delete"), bytes),
  fc.tuple(fc.constant("clear"), bound, bound),
  fc.tuple(fc.constant("drop")),
  fc.tuple(fc.constant("erase")),
);
const step = fc.oneof({ weight: 8, arbitrary: operation }, fc.constantFrom("mark" as const, "undo" as const));

function note(buffer: OperationBuffer, [kind, a, b, c]: Operation): void {
  if (kind === "map") buffer.map(a as string, b as number, c as BoundFields);
  else if (kind === "put") buffer.put(a as Uint8Array, (a as Uint8Array).length, b as Uint8Array);
  else if (kind === "delete") buffer.delete(a as Uint8Array, (a as Uint8Array).length);
  else if (kind === "drop") buffer.drop();
  else if (kind === "erase") buffer.erase();
  else {
    const [lower, upper] = [a as Uint8Array | null, b as Uint8Array | null];
    buffer.clear(lower, lower?.length ?? 0, upper, upper?.length ?? 0);
  }
}

function readBack(body: Uint8Array): Operation[] {
  const read: Operation[] = [];
  readOperations(body, {
    map: (name, format, bounds) => read.push(["map", name, format, bounds]),
    put: (key, value) => read.push(["put", key.slice(), value.slice()]),
    delete: (key) => read.push(["delete", key.slice()]),
    clear: (lower, upper) => read.push(["clear", lower?.slice() ?? null, upper?.slice() ?? null]),
    drop: () => read.push(["drop"]),
    erase: () => read.push(["erase"]),
  });
  return read;
}

const bodyOf = (buffer: OperationBuffer) => buffer.bytes.subarray(RECORD_HEADER_BYTES, buffer.end);

/** Naming the map that is current already is not noted, unless it was dropped. */
function withoutRepeats(operations: readonly Operation[]): Operation[] {
  let current: Operation | undefined;
  return operations.filter((one) => {
    const repeats = one[0] === "map" && isDeepStrictEqual(one, current);
    if (one[0] === "map") current = one;
    if (one[0] === "drop") current = undefined;
    return !repeats;
  });
}

test("what was noted and not taken back is read, in order", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const buffer = new OperationBuffer(1e6);
      buffer.reset(true);
      let expected: Operation[] = [];
      const marks: { mark: OperationMark; length: number }[] = [];
      for (const one of steps) {
        if (one === "mark") marks.push({ mark: buffer.mark(), length: expected.length });
        else if (one === "undo") {
          const back = marks.pop();
          if (back === undefined) continue;
          buffer.truncate(back.mark);
          expected = expected.slice(0, back.length);
        } else {
          note(buffer, one);
          expected.push(one);
        }
      }
      expect(readBack(bodyOf(buffer))).toEqual(withoutRepeats(expected));
    }),
  );
});

test("a transaction that is too large keeps nothing more, and the next one starts empty", () => {
  const buffer = new OperationBuffer(10_000);
  buffer.reset(true);
  for (let i = 0; i < 20; i++) buffer.put(Uint8Array.of(i), 1, new Uint8Array(1000));
  expect(buffer.overflowed).toBe(true);
  buffer.reset(true);
  expect([buffer.overflowed, buffer.length]).toEqual([false, 0]);
  buffer.reset(false);
  buffer.put(Uint8Array.of(1), 1, new Uint8Array(10));
  expect([buffer.overflowed, buffer.length]).toEqual([true, 0]);
});

test("bytes that are no operations are LLMDB_CORRUPT", () => {
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 5 }), fc.nat(), (operations, cut) => {
      const buffer = new OperationBuffer(1e6);
      buffer.reset(true);
      for (const one of operations) note(buffer, one);
      const body = bodyOf(buffer);
      try {
        readBack(body.subarray(0, cut % body.length));
      } catch (error) {
        expect(error).toMatchObject({ code: "LLMDB_CORRUPT" });
      }
      expect(() => readBack(Uint8Array.of(...body, 9))).toThrow(expect.objectContaining({ code: "LLMDB_CORRUPT" }));
    }),
  );
});
