/**
 * Names that share a slot in the reader's table of names: their shape is learned all the same. In a file of its own,
 * because what was learned before stays.
 */
import { expect, test } from "vitest";
import { decodeMsgpack } from "../../engine/msgpack-reader.js";
import { encodeMsgpack } from "../../engine/msgpack-writer.js";
import { SHAPES } from "../../engine/shape.js";

test("two names of one object that take turns in a slot", () => {
  const value = { balance: 1, createdAt: 2 };
  const bytes = new Uint8Array([...encodeMsgpack(value), ...new Uint8Array(16)]);
  const end = bytes.length - 16;
  for (let i = 0; i < 4; i++) expect(decodeMsgpack(bytes, 0, end)).toEqual(value);
  const balance = SHAPES.find(bytes, 1);
  expect(balance?.text).toBe("balance");
  expect(balance?.find(bytes, 1 + "balance".length + 2)?.text).toBe("createdAt");
});
