/**
 * Moving nodes that lie high in the file to lower pages. Guarantees: only pages at or above the limit, and the pages on
 * the way to them, are copied; no leaf is read unless it moves.
 */
import { pointerCrc, pointerPage } from "../pager/page-pointer.js";
import { cellAt, nodeCount } from "./node.js";
import type { PageOwner } from "./page-owner.js";
import { ownChild } from "./path.js";
import { beginChange, setRoot, type Tree } from "./tree.js";

/** Gives the frame of a node that may be changed. */
type Own = () => number;

/**
 * Moves the nodes at or above page `limit`. Returns how many there were.
 *
 * @param between called after each child, when no frame is held: a good moment to write pages out
 */
export function relocateTree(tree: Tree, owner: PageOwner, limit: number, between: () => void): number {
  if (tree.depth === 0) return 0;
  const { root } = tree;
  const own = () => {
    beginChange(tree);
    const frame = owner.own(root.page, root.crc, root.born);
    setRoot(tree, owner, frame);
    return frame;
  };
  return relocateNode(owner, limit, own, root.page, root.crc, tree.depth - 1, between);
}

function relocateNode(
  owner: PageOwner,
  limit: number,
  own: Own,
  page: number,
  crc: number,
  level: number,
  between: () => void,
): number {
  let moved = 0;
  if (page >= limit) {
    own();
    moved++;
  }
  if (level === 0) return moved;
  const { cache } = owner.reader;
  let owned = moved > 0;
  const ownThis = () => {
    owned = true;
    return own();
  };
  let count = 1;
  for (let slot = 0; slot < count; slot++) {
    // Fetched again each time: once this node is copied, its old version is out of date.
    const frame = owned ? ownThis() : owner.reader.fetch(page, crc);
    const views = cache.views(frame);
    const base = cache.base(frame);
    count = nodeCount(views, base);
    const cell = cellAt(views, base, slot);
    const ownSlot = () => {
      const self = ownThis();
      return ownChild(owner, cache.views(self), cache.base(self), slot);
    };
    const child = pointerPage(views, cell);
    moved += relocateNode(owner, limit, ownSlot, child, pointerCrc(views, cell), level - 1, between);
    between();
  }
  return moved;
}
