/**
 * The locks of a database file: slot 0 is the write lock, the others are for readers. Guarantees: one holder of each
 * slot at a time among all threads, processes and containers of the machine, whatever path led to the file; the kernel
 * releases it when the holder ends, however it ends; no process number decides who has it, so that nothing stale could
 * be taken for a holder.
 *
 * Each platform has its way, and the kernel owns what decides. Only Linux is tested; the others are written to the
 * documentation of Node, libuv and the system.
 * - Linux: an abstract Unix socket named after device, inode and slot, and one in the folder of the file
 *   (`lock-socket.ts`). The first is quick and leaves nothing behind, but containers that share a volume and no network
 *   do not see it of each other. They see the second.
 * - Windows: a named pipe of the same name. libuv creates its first instance exclusively.
 * - macOS and the BSDs: a descriptor opened with `O_EXLOCK`, which is `flock`: of the file itself for slot 0, of an
 *   empty file next to it, named after the path and the slot, for the others. That file is removed on release; one that
 *   a kill leaves is locked again by the next holder. Only there, hard links of one file have slots of their own.
 */
import fs from "node:fs";
import net from "node:net";
import { LlmdbError } from "./error.js";
import { ABSTRACT_BYTES } from "./lock-folder.js";
import { whyNotBound } from "./lock-inquiry.js";
import { type LockTarget, lockInFolder } from "./lock-socket.js";
import { requireSlot } from "./lock-table.js";
import type { StorageLock } from "./storage.js";
import { errnoOf, failure, systemError } from "./system-error.js";

const OUT_OF_DESCRIPTORS = new Set(["EMFILE", "ENFILE"]);
/** The BSD flags of `open` that Node does not name, and O_NONBLOCK, whose value is another one on Linux. */
const BSD_O_EXLOCK = 0x20;
const BSD_O_NONBLOCK = 0x04;

/**
 * Takes a lock of a file: slot 0 is the write lock, 1 to 255 are independent of it and of each other. Never waits for a
 * holder.
 *
 * @returns undefined where another holder has it
 * @throws LlmdbError `LLMDB_UNSUPPORTED` where other holders could not be seen, unless the caller is `alone`
 */
export function lockFile(target: LockTarget): StorageLock | undefined {
  const { identity, path, slot } = target;
  requireSlot(slot);
  const file = `llmdb-${identity.replace(":", "-")}`;
  const name = slot === 0 ? file : `${file}-${slot}`;
  switch (process.platform) {
    case "linux":
    case "android":
      // Node 20 pads the name with NULs to the full length, later versions bind it as it is: these are two addresses.
      // A name of the full length is the same address in all of them.
      return lockTwice(`\0${name}-`.padEnd(ABSTRACT_BYTES, "x"), target);
    case "win32":
      return lockAddress(`\\\\.\\pipe\\${name}`, path);
    case "darwin":
    case "freebsd":
    case "openbsd":
      return slot === 0 ? lockItself(path) : lockBeside(`${path}.${slot}`);
    default:
      throw new LlmdbError(
        "LLMDB_UNSUPPORTED",
        `there is no file lock for the platform ${process.platform}; open the database read-only`,
        { platform: process.platform, path },
      );
  }
}

/** Both locks of Linux, or none. */
function lockTwice(address: string, target: LockTarget): StorageLock | undefined {
  const abstract = lockAddress(address, target.path);
  if (abstract === undefined) return undefined;
  let inFolder: StorageLock | undefined;
  try {
    inFolder = lockInFolder(target);
  } finally {
    if (inFolder === undefined) abstract.release();
  }
  if (inFolder === undefined) return undefined;
  return {
    release() {
      inFolder.release();
      abstract.release();
    },
  };
}

function lockAddress(address: string, path: string): StorageLock | undefined {
  const server = net.createServer((stranger) => stranger.destroy());
  // The address is bound within `listen`, and `listening` tells at once; the event only repeats that, later.
  server.on("error", () => {});
  // Without `exclusive`, the workers of a cluster would share one socket and all hold the lock.
  server.listen({ path: address, exclusive: true });
  if (!server.listening) {
    requireTaken(address, path);
    return undefined;
  }
  server.unref();
  return { release: () => void server.close() };
}

/** Tells a taken address from anything else that `listen` may fail of: it does not say, in time. */
function requireTaken(address: string, path: string): void {
  try {
    fs.closeSync(fs.openSync(path, "r"));
  } catch (cause) {
    const errno = errnoOf(cause) ?? "";
    if (OUT_OF_DESCRIPTORS.has(errno)) throw systemError(cause, "lock", path);
  }
  if (isListed(address)) return;
  const errno = whyNotBound(address);
  // It may have been given back since.
  if (errno !== "EADDRINUSE" && errno !== "EAGAIN" && errno !== "EACCES") throw failure(errno, "lock", path);
}

/** Whether the system lists an abstract address of Linux as taken. */
function isListed(address: string): boolean {
  try {
    return fs.readFileSync("/proc/net/unix", "latin1").includes(` @${address.slice(1)}`);
  } catch {
    return false;
  }
}

function lockItself(path: string): StorageLock | undefined {
  const descriptor = openLocked(path, fs.constants.O_RDWR);
  return descriptor === undefined ? undefined : { release: onceOnly(() => fs.closeSync(descriptor)) };
}

function lockBeside(path: string): StorageLock | undefined {
  const descriptor = openLocked(path, fs.constants.O_RDWR | fs.constants.O_CREAT);
  if (descriptor === undefined) return undefined;
  // The last holder may have removed the file after it was opened here: another one may lock a new file by now.
  if (!isAt(path, descriptor)) {
    fs.closeSync(descriptor);
    return undefined;
  }
  const release = (): void => {
    fs.rmSync(path, { force: true });
    fs.closeSync(descriptor);
  };
  return { release: onceOnly(release) };
}

/** A descriptor that holds the lock; undefined where another one does. */
function openLocked(path: string, flags: number): number | undefined {
  try {
    return fs.openSync(path, flags | BSD_O_EXLOCK | BSD_O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === "EAGAIN") return undefined;
    throw systemError(cause, "lock", path);
  }
}

function isAt(path: string, descriptor: number): boolean {
  const opened = fs.fstatSync(descriptor, { bigint: true });
  const found = fs.statSync(path, { bigint: true, throwIfNoEntry: false });
  return found !== undefined && found.dev === opened.dev && found.ino === opened.ino;
}

/** A number that was closed may be another file's by the second time. */
function onceOnly(action: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    action();
  };
}
