/**
 * Copying a leaf page out of the cache, cut to a range of its slots. Guarantees: what is copied is a leaf page as
 * docs/format.md has it, and its entries are those of the slots asked for; the source is not touched. In a cut copy,
 * cells of the entries that are left out stay where they were, and are not counted as dead bytes.
 */
import { nodeCount, SLOT_BYTES, slotsAt } from "../btree/node.js";
import { copyPages } from "../pager/bytes.js";
import { COUNT, type PageViews } from "../pager/page.js";

/**
 * Copies the leaf at byte `base` of `views` to `into[at..at + pageSize)`, with the slots from `first` up to `end` only.
 */
export function copyLeaf(
  views: PageViews,
  base: number,
  pageSize: number,
  first: number,
  end: number,
  into: Uint8Array,
  at: number,
): void {
  copyPages(views, base, into, at, pageSize);
  const count = nodeCount(views, base);
  if (first > 0 || end < count) cutLeaf(into, at, slotsAt(views, base) - base, count, first, end);
}

/** Takes slots out of a copy; `slots` is where they start in the page. */
function cutLeaf(into: Uint8Array, at: number, slots: number, count: number, first: number, end: number): void {
  const start = at + slots;
  const left = Math.max(0, end - first);
  into.copyWithin(start, start + first * SLOT_BYTES, start + (first + left) * SLOT_BYTES);
  into.fill(0, start + left * SLOT_BYTES, start + count * SLOT_BYTES);
  into[at + COUNT] = left;
  into[at + COUNT + 1] = left >>> 8;
}
