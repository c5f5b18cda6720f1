/**
 * Meta pages: they read back as written, the newer valid one counts, and no damaged byte goes unnoticed.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { memoryStorage } from "../../pager/memory-storage.js";
import { decodeMeta, encodeMeta, META_BYTES, type Meta, metaPosition, readNewestMeta } from "../../pager/meta.js";
import { PAGE_SIZES } from "../../pager/page.js";
import { PagePointer } from "../../pager/page-pointer.js";
import { effort } from "../effort.js";

const u48 = fc.maxSafeNat().map((n) => n % 2 ** 48);
const pointer = fc.tuple(u48, fc.nat(1), fc.nat(2 ** 31), u48, u48).map(([page, flag, crc, entries, born]) => {
  const made = new PagePointer();
  Object.assign(made, { page, flags: flag * 2, crc, entries, born });
  return made;
});
const meta: fc.Arbitrary<Meta> = fc.record({
  pageSize: fc.constantFrom(...PAGE_SIZES),
  id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  tx: u48,
  timeMicros: fc.maxSafeNat(),
  moves: fc.nat(2 ** 32 - 1),
  pages: u48,
  directory: pointer,
  directoryDepth: fc.nat(20),
  previousTx: u48,
  log: fc.record({ position: u48, crc: fc.nat(2 ** 31) }),
  checkpoint: u48,
  unerased: fc.boolean(),
  freeList: fc.uint8Array({ maxLength: 138 }),
});

function fileWith(...metas: Meta[]) {
  const file = memoryStorage().open("/meta", "create");
  for (const one of metas) file.write(encodeMeta(one), 0, META_BYTES, metaPosition(one.checkpoint, one.pageSize));
  return file;
}

describe("meta page", () => {
  test("reads back as written", () => {
    fc.assert(
      fc.property(meta, (one) => {
        expect(decodeMeta(encodeMeta(one))).toEqual({ meta: one });
      }),
    );
  });

  test("any changed byte makes it invalid", () => {
    fc.assert(
      fc.property(meta, fc.nat(META_BYTES - 1), fc.integer({ min: 1, max: 255 }), (one, at, flip) => {
        const bytes = encodeMeta(one);
        bytes[at] ^= flip;
        expect(decodeMeta(bytes)).toHaveProperty("problem");
      }),
      { numRuns: effort(1000) },
    );
  });

  test("the newest of three counts; a damaged one is passed over, two are an error", () => {
    fc.assert(
      fc.property(meta, fc.nat(2 ** 40), fc.nat(2), fc.nat(2), (one, checkpoint, damaged, also) => {
        const metas = [0, 1, 2].map((age) => ({ ...one, checkpoint: checkpoint + 2 - age }));
        const file = fileWith(...metas);
        expect(readNewestMeta(file, "x")).toEqual({ meta: metas[0], older: metas[1], damaged: false });
        const at = metaPosition(metas[damaged].checkpoint, one.pageSize) + 40;
        file.write(Uint8Array.of(0xff, 0xee), 0, 2, at);
        const left = metas.filter((_, age) => age !== damaged);
        const older = left[0].checkpoint - left[1].checkpoint === 1 ? left[1] : undefined;
        expect(readNewestMeta(file, "x")).toEqual({ meta: left[0], older, damaged: true });
        if (also === damaged) return;
        file.write(new Uint8Array(META_BYTES).fill(9), 0, 200, metaPosition(metas[also].checkpoint, one.pageSize) + 8);
        expect(() => readNewestMeta(file, "x")).toThrow(expect.objectContaining({ code: "LLMDB_CORRUPT" }));
      }),
    );
  });

  test("a foreign file and a newer format have errors of their own", () => {
    const text = memoryStorage().open("/text", "create");
    text.write(new Uint8Array(5000).fill(65), 0, 5000, 0);
    expect(() => readNewestMeta(text, "x")).toThrow(expect.objectContaining({ code: "LLMDB_NOT_A_DATABASE" }));
  });
});
