/** The ring of the log against a model that knows who has each sector. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { SECTOR_BYTES } from "../../wal/log-header.js";
import { alignSector, LogSpace } from "../../wal/log-space.js";
import { effort } from "../effort.js";

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("append" as const), bytes: fc.integer({ min: 56, max: 30_000 }) }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "seal" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "anchor" as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: "release" as const }) },
);

interface Piece {
  readonly start: number;
  readonly end: number;
  readonly sealed: number;
}

test("nothing in use is handed out again, and nothing shares a sector with what was sealed", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const limit = 256 * 1024;
      const space = new LogSpace(SECTOR_BYTES, limit, SECTOR_BYTES, SECTOR_BYTES);
      let pieces: Piece[] = [];
      const anchors: number[] = [];
      let seals = 0;
      let refused = false;
      const append = (bytes: number, spare: number): number => {
        const start = space.place(bytes, spare);
        refused = start < 0;
        if (refused) return -1;
        const end = start + bytes;
        space.fileBytes = Math.max(space.fileBytes, alignSector(end) + spare);
        expect(space.fileBytes).toBeLessThanOrEqual(limit);
        expect(start).toBeGreaterThanOrEqual(SECTOR_BYTES);
        for (const piece of pieces) {
          const [from, to] =
            piece.sealed < seals
              ? [Math.floor(piece.start / SECTOR_BYTES) * SECTOR_BYTES, alignSector(piece.end)]
              : [piece.start, piece.end];
          expect(end <= from || start >= to, `${start}..${end} meets ${from}..${to}`).toBe(true);
        }
        space.take(start, bytes);
        pieces.push({ start, end, sealed: seals });
        return start;
      };
      for (const one of steps) {
        if (one.kind === "append") append(one.bytes, 2 * SECTOR_BYTES);
        if (one.kind === "seal" || one.kind === "anchor") {
          space.seal();
          seals++;
        }
        if (one.kind === "anchor") {
          const start = append(64, 0);
          if (start >= 0) anchors.push(start);
          space.seal();
          seals++;
        }
        // As the checkpointer does: the anchor before the newest becomes the tail.
        if (one.kind === "release" && anchors.length > 1) {
          anchors.splice(0, anchors.length - 2);
          space.release(anchors[0]);
          pieces = pieces.slice(pieces.findIndex(({ start }) => start === anchors[0]));
        }
        const used = pieces.reduce((sum, { start, end }) => sum + end - start, 0);
        expect(space.usedBytes).toBeGreaterThanOrEqual(
          anchors.length > 0 && pieces[0]?.start === anchors[0] ? used : 0,
        );
        for (const [from, to] of space.unused()) {
          for (const { start, end } of pieces) expect(end <= from || start >= to).toBe(true);
        }
      }
    }),
    { numRuns: effort(300) },
  );
});
