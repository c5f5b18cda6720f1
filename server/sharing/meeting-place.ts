/**
 * Where the processes of one database meet: the addresses of its socket. Guarantees: they follow from the file's real
 * path, so every path to it leads to the same ones; a socket has mode 0600 from its first moment; only the process with
 * the database's write lock makes, replaces or removes one; a socket of another user is never connected to.
 *
 * The first place is next to the file. Where the path is too long for an address, or the file system has no sockets, it
 * is a private folder of the user under the system's temporary folder. On Windows it is a named pipe; that is written
 * to the documentation and untested.
 */
import { once } from "node:events";
import fs from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isMainThread } from "node:worker_threads";
import { sha256 } from "../../pager/digest.js";
import { LlmdbError } from "../../pager/error.js";
import { errnoOf, systemError } from "../../pager/system-error.js";

/** The bytes of `sun_path`, less the NUL at its end. */
const ADDRESS_BYTES = process.platform === "linux" || process.platform === "android" ? 107 : 103;
const HASH_CHARACTERS = 32;
const SUFFIX = "-socket";
/** A socket before it has its name. */
const NEW_SUFFIX = "-new";
const MAX_ATTEMPTS = 3;
const NOT_FOR_OTHERS = 0o077;
const NOT_0600 = 0o177;

/** An address, and the private folder that it is in, if it does. */
export interface MeetingPlace {
  readonly address: string;
  readonly folder?: string;
}

/** The addresses of a database's socket, the preferred one first. */
export function meetingPlaces(realPath: string, temporary = tmpdir()): MeetingPlace[] {
  const hash = Buffer.from(sha256(Buffer.from(realPath)))
    .toString("hex")
    .slice(0, HASH_CHARACTERS);
  if (process.platform === "win32") return [{ address: `\\\\.\\pipe\\llmdb-${hash}` }];
  const folder = join(temporary, `llmdb-${ownUser()}`);
  const places = [{ address: `${realPath}${SUFFIX}` }, { address: join(folder, hash), folder }];
  const fitting = places.filter(({ address }) => Buffer.byteLength(address + NEW_SUFFIX) <= ADDRESS_BYTES);
  if (fitting.length > 0) return fitting;
  throw new LlmdbError(
    "LLMDB_INVALID_ARGUMENT",
    `${realPath} and ${folder} are too long for the address of a socket; set TMPDIR to a shorter folder`,
    { path: realPath, folder, limit: ADDRESS_BYTES },
  );
}

/** What is at an address: a socket that may be connected to, nothing, or the user whom something there belongs to. */
export function ownerOf({ address, folder }: MeetingPlace): "own" | "absent" | number {
  if (process.platform === "win32") return "own";
  for (const path of folder === undefined ? [address] : [folder, address]) {
    const stats = lookAt(path);
    if (stats === undefined) return "absent";
    if (stats.uid !== ownUser()) return stats.uid;
    if (path === address && !stats.isSocket()) return "absent";
  }
  return "own";
}

/**
 * Lets a server listen at the first place that is possible. Call it while holding the database's write lock.
 *
 * @returns removes the socket; call it while still holding the lock
 * @throws LlmdbError `LLMDB_IO`, `LLMDB_UNSUPPORTED`
 */
export async function listenAt(places: readonly MeetingPlace[], server: Server): Promise<() => void> {
  if (!isMainThread && process.platform !== "win32") {
    throw new LlmdbError("LLMDB_UNSUPPORTED", "a worker cannot share a database; share it from the main thread");
  }
  let failed: unknown;
  for (const place of places) {
    try {
      if (place.folder !== undefined) makePrivate(place.folder);
      return process.platform === "win32" ? await bindPipe(place.address, server) : await bind(place.address, server);
    } catch (cause) {
      failed ??= systemError(cause, "listen at", place.address);
      server.close();
    }
  }
  throw failed;
}

async function bindPipe(address: string, server: Server): Promise<() => void> {
  server.listen({ path: address, exclusive: true });
  await once(server, "listening");
  return () => {};
}

/**
 * Binds under another name first. The rename replaces what a killed holder left in one step, and Node, which removes
 * the name that it has bound when the process ends, never removes the socket of a later holder.
 */
async function bind(address: string, server: Server): Promise<() => void> {
  const fresh = `${address}${NEW_SUFFIX}`;
  for (let attempt = 1; ; attempt++) {
    fs.rmSync(fresh, { force: true });
    await listenPrivately(fresh, server);
    try {
      requireSocketOrNothing(address);
      fs.renameSync(fresh, address);
      break;
    } catch (cause) {
      // A process that ends while it binds removes that name, too, and may have met the one that was made here.
      if (errnoOf(cause) !== "ENOENT" || attempt === MAX_ATTEMPTS) throw cause;
      server.close();
    }
  }
  const made = lookAt(address);
  return () => {
    const found = lookAt(address);
    if (found?.ino === made?.ino && found?.dev === made?.dev) fs.rmSync(address, { force: true });
  };
}

/** The address is bound within `listen`, so nothing else of this thread runs under the mask. */
async function listenPrivately(address: string, server: Server): Promise<void> {
  const mask = process.umask(NOT_0600);
  try {
    server.listen({ path: address, exclusive: true });
  } finally {
    process.umask(mask);
  }
  await once(server, "listening");
}

function requireSocketOrNothing(address: string): void {
  const found = lookAt(address);
  if (found === undefined || found.isSocket()) return;
  throw new LlmdbError("LLMDB_IO", `${address} is in the way of a socket; move it elsewhere`, { path: address });
}

/** No one else may put anything there. */
function makePrivate(folder: string): void {
  fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stats = lookAt(folder);
  if (stats?.isDirectory() && stats.uid === ownUser() && (stats.mode & NOT_FOR_OTHERS) === 0) return;
  throw new LlmdbError(
    "LLMDB_IO",
    `${folder} must be a folder that only this user can open; remove it, or set TMPDIR to another folder`,
    { path: folder },
  );
}

/** What is at a path itself, links not followed. */
function lookAt(path: string): fs.Stats | undefined {
  try {
    return fs.lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw systemError(cause, "look at", path);
  }
}

function ownUser(): number {
  return process.getuid?.() ?? 0;
}
