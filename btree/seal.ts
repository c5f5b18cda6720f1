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

/** Which pages may be written, and where they go once sealed. */
export interface SealTarget {
  /** False for a page whose number still belongs to another version. */
  mayWrite(frame: number): boolean;
  /** Takes a sealed page, to be written. */
  sealed(frame: number): void;
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
  const frame = residentFrame(reader, root.page);
  if (!sealNode(reader, frame, target, sealLeaf)) return false;
  root.crc = reader.cache.crcOf[frame];
  root.flags &= ~PENDING;
  return true;
}

/** Seals a node and all pending ones below; recursion is bounded by the depth of the tree. */
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
      const child = residentFrame(reader, pointerPage(views, cell));
      if (sealNode(reader, child, target, sealLeaf)) {
        setPointerCrc(views, cell, cache.crcOf[child]);
        setPointerFlags(views, cell, flags & ~PENDING);
      } else complete = false;
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

/** A page behind a pending pointer is in memory: it is changed, or was written in this very pass. */
function residentFrame(reader: PageReader, page: number): number {
  const frame = reader.resident(page);
  assertInvariant(frame >= 0 && reader.cache.state[frame] !== undefined, `page ${page} is pending but not in memory`);
  return frame;
}
