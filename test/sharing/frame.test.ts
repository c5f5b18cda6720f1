/** Frames: whole messages, however the stream is cut, and an error for what is none. */
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame, FrameReader } from "../../server/sharing/frame.js";
import { effort } from "../effort.js";

test("messages come out as they went in, however the stream is cut", () => {
  const value = fc.oneof(fc.jsonValue(), fc.bigInt(), fc.double(), fc.uint8Array(), fc.constant({ $date: 1 }));
  const messages = fc.array(fc.record({ value }), { maxLength: 8 });
  const property = fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
    const stream = Buffer.concat(sent.map(encodeFrame));
    const reader = new FrameReader();
    const received: unknown[] = [];
    for (let at = 0, i = 0; at < stream.length; i++) {
      const end = at + cuts[i % cuts.length];
      received.push(...reader.read(stream.subarray(at, end)));
      at = end;
    }
    expect(isDeepStrictEqual(received, structuredClone(sent))).toBe(true);
  });
  fc.assert(property, { numRuns: effort(200) });
});

test.each([
  ["a length over the limit", Buffer.from([0, 0, 0, 11])],
  ["an empty frame", Buffer.from([0, 0, 0, 0])],
  ["half a value", Buffer.from([0, 0, 0, 1, 0x5b])],
  ["no UTF-8", Buffer.from([0, 0, 0, 3, 0x22, 0xff, 0x22])],
])("%s is an error", (_what, bytes) => {
  expect(() => [...new FrameReader(10).read(bytes)]).toThrow(expect.objectContaining({ code: "LLMDB_IO" }));
});
