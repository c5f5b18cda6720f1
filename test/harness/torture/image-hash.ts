/**
 * A hash of everything on a disk. Guarantees: disks with the same names, lengths and bytes have the same hash, and
 * others do not.
 */
import { createHash } from "node:crypto";
import type { SimulatedDisk } from "../simulated-disk.js";

let buffer = Buffer.alloc(256 * 1024);

/**
 * Hashes all files in the top folder. The operations that this takes are counted by the disk; no watcher sees them.
 *
 * @param numbers - whether the numbers of the files count too, by which unsynced changes name them
 */
export function hashDisk(disk: SimulatedDisk, { numbers = false } = {}): string {
  const { watcher } = disk;
  disk.watcher = undefined;
  const hash = createHash("sha1");
  for (const name of disk.list("/")) {
    const file = disk.open(`/${name}`, "read");
    const size = file.size();
    if (size > buffer.length) buffer = Buffer.alloc(size * 2);
    file.read(buffer, 0, size, 0);
    hash.update(`${name.length}:${name}:${size}:${numbers ? file.identity() : ""}:`).update(buffer.subarray(0, size));
    file.close();
  }
  disk.watcher = watcher;
  return hash.digest("base64");
}
