/**
 * A hash of everything on a disk. Guarantees: disks with the same names, lengths and bytes have the same hash, and
 * others do not.
 */
import { createHash } from "node:crypto";
import type { SimulatedDisk } from "../simulated-disk.js";

/** Of blocks that images share, and that are never changed: hashing is most of what an image costs. */
const known = new WeakMap<Buffer, string>();

/**
 * Hashes all files in the top folder. That counts as no operation of the disk.
 *
 * @param numbers - whether the numbers of the files count too, by which unsynced changes name them
 */
export function hashDisk(disk: SimulatedDisk, { numbers = false } = {}): string {
  let text = "";
  for (const { path, id, live } of disk.files("/")) {
    text += `${path.length}:${path}:${live.size}:${numbers ? id : ""}:`;
    // Most of a file is zeros that were written in advance: they are left out.
    for (const [position, block, isShared] of live.blocks()) text += `${position}:${hashOf(block, isShared)}:`;
  }
  return createHash("sha1").update(text).digest("base64");
}

function hashOf(block: Buffer, isShared: boolean): string {
  if (!isShared) return createHash("sha1").update(block).digest("base64");
  let hash = known.get(block);
  if (hash === undefined) {
    hash = createHash("sha1").update(block).digest("base64");
    known.set(block, hash);
  }
  return hash;
}
