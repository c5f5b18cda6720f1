/**
 * The write lock of a database file. Guarantees: one holder at a time among all threads and processes of the machine,
 * whatever path led to the file; the kernel releases it when the holder ends, however it ends; nothing is written to
 * disk, so there is nothing to clean up and nothing that a stale process number could confuse.
 *
 * Each platform has one way, all of them owned by the kernel. Only Linux is tested; the others are written to the
 * documentation of Node, libuv and the system.
 * - Linux: an abstract Unix socket named after device and inode. Such names are per network namespace: two containers
 *   that share a volume but not a network do not see each other's lock.
 * - Windows: a named pipe of the same name. libuv creates its first instance exclusively.
 * - macOS and the BSDs: a descriptor of the file itself, opened with `O_EXLOCK`, which is `flock`.
 */
import fs from "node:fs";
import net from "node:net";
import { LlmdbError } from "./error.js";
import type { StorageLock } from "./storage.js";
import { errnoOf, systemError } from "./system-error.js";

/** The bytes of `sun_path` on Linux, the leading NUL included. */
const SOCKET_NAME_BYTES = 108;
/** The BSD flags of `open` that Node does not name, and O_NONBLOCK, whose value is another one on Linux. */
const BSD_O_EXLOCK = 0x20;
const BSD_O_NONBLOCK = 0x04;

/**
 * Takes the lock of the file with this identity (device and inode). Never waits.
 *
 * @param path - A path of the same file.
 * @returns undefined where another holder has it.
 */
export function lockFile(identity: string, path: string): StorageLock | undefined {
  const name = `llmdb-${identity.replace(":", "-")}`;
  switch (process.platform) {
    case "linux":
    case "android":
      // Node 20 pads the name with NULs to the full length, later versions bind it as it is: these are two addresses.
      // A name of the full length is the same address in all of them.
      return lockAddress(`\0${name}-`.padEnd(SOCKET_NAME_BYTES, "x"));
    case "win32":
      return lockAddress(`\\\\.\\pipe\\${name}`);
    case "darwin":
    case "freebsd":
    case "openbsd":
      return lockDescriptor(path);
    default:
      throw new LlmdbError(
        "LLMDB_UNSUPPORTED",
        `there is no write lock for the platform ${process.platform}; open the database read-only`,
        { platform: process.platform, path },
      );
  }
}

function lockAddress(path: string): StorageLock | undefined {
  const server = net.createServer((stranger) => stranger.destroy());
  // The address is bound within `listen`, and `listening` tells at once; the event only repeats that, later.
  server.on("error", () => {});
  // Without `exclusive`, the workers of a cluster would share one socket and all hold the lock.
  server.listen({ path, exclusive: true });
  if (!server.listening) return undefined;
  server.unref();
  return { release: () => void server.close() };
}

function lockDescriptor(path: string): StorageLock | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = fs.openSync(path, fs.constants.O_RDWR | BSD_O_EXLOCK | BSD_O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === "EAGAIN") return undefined;
    throw systemError(cause, "lock", path);
  }
  return {
    release() {
      if (descriptor !== undefined) fs.closeSync(descriptor);
      descriptor = undefined;
    },
  };
}
