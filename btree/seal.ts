/**
 * Sealing: computing the checksums of changed pages from the leaves up and noting each in the parent, so that the pages
 * can be written in any order. Guarantees: a page is sealed only when everything below it is; a page that must not be
 * written yet, and every page above it, stays dirty and pending.
 */
import { crc32 } from "node:zlib";
import { assertInvariant } from "../pager/error.js";
import type { PageViews } from "../pager/page.js";
import { DIRTY, SEALED } from "../pager/page-cache.js";
import {
  type PagePointer,
  PENDING,
  pointerFlags,
  pointerPage,
  setPointerCrc,
  setPointerFlags,
} from "../pager/page-pointer.js";
import type { PageReader } from "../pager/page-reader.js";
import { cellAt, nodeCount, nodeLevel } from "./node.js";

/** No checksum: those are not negative. */
const UNKNOWN = -1;

/** Which pages may be written, and where they go once sealed. */
export interface SealTarget {
  /** False for a page whose number still belongs to another version. */
  mayWrite(frame: number): boolean;
  /** Takes a sealed page, to be written. */
  sealed(frame: number): void;
  /** True where it takes no more pages for now. */
  readonly isFull: boolean;
}

/** Seals what the values in a leaf point at, before the leaf itself. Returns false where something has to wait. */
export type LeafSealer = (views: PageViews, base: number) => boolean;

/** Seals what is pending below a pointer, and the pointer itself. Returns false where something has to wait. */
export function sealTree(
  reader: PageReader,
  root: PagePointer,
  target: SealTarget,
  sealLeaf: LeafSealer | null = null,
): boolean {
  if ((root.flags & PENDING) === 0) return true;
  const crc = sealPage(reader, root.page, target, sealLeaf);
  if (crc === UNKNOWN) return false;
  root.crc = crc;
  root.flags &= ~PENDING;
  return true;
}

/** Seals a page and all pending ones below, and returns its checksum, or `UNKNOWN` where something has to wait. */
function sealPage(reader: PageReader, page: number, target: SealTarget, sealLeaf: LeafSealer | null): number {
  const { cache } = reader;
  const frame = reader.resident(page);
  if (frame >= 0) return sealNode(reader, frame, target, sealLeaf) ? cache.crcOf[frame] : UNKNOWN;
  const crc = cache.written.get(page) ?? UNKNOWN;
  assertInvariant(crc !== UNKNOWN, `page ${page} is pending but neither in memory nor written`);
  return crc;
}

/** Recursion is bounded by the depth of the tree. */
function sealNode(reader: PageReader, frame: number, target: SealTarget, sealLeaf: LeafSealer | null): boolean {
  const cache = reader.cache;
  if (cache.state[frame] !== DIRTY) return true;
  const views = cache.views(frame);
  const base = cache.base(frame);
  let complete = true;
  if (nodeLevel(views, base) === 0) complete = sealLeaf === null || sealLeaf(views, base);
  if (nodeLevel(views, base) > 0) {
    const count = nodeCount(views, base);
    for (let slot = 0; slot < count; slot++) {
      const cell = cellAt(views, base, slot);
      const flags = pointerFlags(views, cell);
      if ((flags & PENDING) === 0) continue;
      const crc = sealPage(reader, pointerPage(views, cell), target, sealLeaf);
      if (crc === UNKNOWN) complete = false;
      else {
        setPointerCrc(views, cell, crc);
        setPointerFlags(views, cell, flags & ~PENDING);
      }
      if (target.isFull) return false;
    }
  }
  if (!complete || !target.mayWrite(frame)) return false;
  sealFrame(reader, frame);
  target.sealed(frame);
  return true;
}

/** Notes the checksum of a page that is complete. */
export function sealFrame(reader: PageReader, frame: number): number {
  const cache = reader.cache;
  const views = cache.views(frame);
  const base = cache.base(frame);
  const crc = crc32(views.u8.subarray(base, base + cache.pageSize));
  cache.crcOf[frame] = crc;
  cache.setState(frame, SEALED);
  return crc;
}
