/**
 * Who may read and write the files that LLMDB makes. Guarantees: a new file is for its owner alone from its first
 * moment; one that takes the place of a file, or goes with one, gets the permissions of that file before there is
 * anything in it.
 */
import fs from "node:fs";

/** Read and write, for the owner. */
const PRIVATE = 0o600;
const PERMISSIONS = 0o777;

/**
 * Makes a file where nothing is.
 *
 * @param like - A file whose permissions, and whose owner where this is the super-user, it takes, where there is one.
 * @returns its descriptor, to read and write
 */
export function createFile(path: string, like?: string): number {
  const descriptor = fs.openSync(path, "wx+", PRIVATE);
  if (like === undefined) return descriptor;
  try {
    const model = fs.statSync(like, { throwIfNoEntry: false });
    if (model?.isFile() !== true) return descriptor;
    const { mode, uid, gid } = fs.fstatSync(descriptor);
    // Otherwise what the super-user leaves behind would keep the owner of the database out of it.
    if (uid === 0 && model.uid !== uid) fs.fchownSync(descriptor, model.uid, model.gid);
    else if (gid !== model.gid) fs.fchownSync(descriptor, uid, model.gid);
    if (((mode ^ model.mode) & PERMISSIONS) !== 0) fs.fchmodSync(descriptor, model.mode & PERMISSIONS);
  } catch {
    // A file system without permissions, or a group that this user is not in: the file stays private.
  }
  return descriptor;
}

/** What others may do with a file, for a socket that goes with it: to connect is to write. */
export function socketModeOf(path: string): number {
  try {
    return fs.statSync(path).mode & 0o666;
  } catch {
    return PRIVATE;
  }
}
