/**
 * A hash of everything on a disk. Guarantees: disks with the same names, lengths and bytes have the same hash, and
 * others do not.
 */
import { createHash } from "node:crypto";
import type { SimulatedDisk } from "../simulated-disk.js";

/**
 * Hashes all files in the top folder. That counts as no operation of the disk.
 *
 * @param numbers - whether the numbers of the files count too, by which unsynced changes name them
 */
export function hashDisk(disk: SimulatedDisk, { numbers = false } = {}): string {
  const hash = createHash("sha1");
  for (const { path, id, live } of disk.files("/")) {
    hash.update(`${path.length}:${path}:${live.size}:${numbers ? id : ""}:`);
    // Most of a file is zeros that were written in advance, and hashing is most of what an image costs.
    for (const [position, block] of live.blocks()) hash.update(`${position}:`).update(block);
  }
  return hash.digest("base64");
}
