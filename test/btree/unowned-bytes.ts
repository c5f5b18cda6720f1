/**
 * Which bytes of a node belong to nothing: written from docs/format.md alone. Guarantees: every byte of the page is
 * taken for one of header, prefix, slot and cell, or judged.
 */
import { cellAt, cellBytes, nodeCount, prefixLength, SLOT_BYTES, slotsAt } from "../../btree/node.js";
import { HEADER_BYTES, type PageViews } from "../../pager/page.js";

/** The places of bytes of the node that belong to nothing and are not zero. */
export function unownedBytes(views: PageViews, base: number, pageSize: number): number[] {
  const owned = new Uint8Array(pageSize);
  const count = nodeCount(views, base);
  owned.fill(1, 0, HEADER_BYTES + prefixLength(views, base));
  const slots = slotsAt(views, base) - base;
  owned.fill(1, slots, slots + count * SLOT_BYTES);
  for (let slot = 0; slot < count; slot++) {
    const cell = cellAt(views, base, slot) - base;
    owned.fill(1, cell, cell + cellBytes(views, base, slot));
  }
  const places: number[] = [];
  for (let at = 0; at < pageSize; at++) if (owned[at] === 0 && views.u8[base + at] !== 0) places.push(at);
  return places;
}
