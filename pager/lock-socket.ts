/**
 * A lock as a Unix socket in the folder of its file (Linux). It is seen from every network and process namespace, which
 * an abstract socket is not. Guarantees: of any holders that contend, from whatever container, at most one has the
 * lock; the kernel answers for a holder while it lives, also while it is stopped, and refuses once it has ended.
 *
 * A socket listens before it gets its name, and has its name before its owner looks at the others: so the later one of
 * two sees the earlier one. Where each sees the other, both give up. A name is never used twice, so one that refuses is
 * dead for good, and may be removed at any time by anyone.
 *
 * A name is `<file>-lock-<inode>-<slot>-<domain>-<random>`. A domain is where one abstract lock excludes: whoever holds
 * that lock knows, without asking, that all others of its domain are dead.
 */
import fs from "node:fs";
import net from "node:net";
import { basename, dirname, join } from "node:path";
import { LlmdbError } from "./error.js";
import { socketModeOf } from "./file-mode.js";
import { FOLDERS, lockDomain, pathOf, whyUnseen } from "./lock-folder.js";
import { askLater, askNow, whyNotBound } from "./lock-inquiry.js";
import type { StorageLock } from "./storage.js";
import { failure, systemError } from "./system-error.js";
import { wallMs } from "./timers.js";

/** What is locked. */
export interface LockTarget {
  /** Device and inode. */
  readonly identity: string;
  readonly path: string;
  readonly slot: number;
  /** The open file, where there is one. */
  readonly descriptor?: number;
  /** Makes do with what can be seen. */
  readonly alone: boolean;
}

interface LockName {
  readonly text: string;
  readonly inode: string;
  readonly slot: string;
  readonly domain: string;
  /** Before it has its name. */
  readonly isNew: boolean;
}

/** The bytes of `sun_path` without the NUL at its end. */
const ADDRESS_BYTES = 107;
/** What is left of them for the name of the file, which is there for people. */
const MAX_FRONT_BYTES = 36;
const NAME = /-lock-([0-9a-z]+)-([0-9]+)-([0-9a-z]+)-[0-9a-z]{8}(-new)?$/;
/** Of a socket before it has its name. */
const NEW_SUFFIX = "-new";
/** One that is older was left by a kill. */
const NEW_MS = 60_000;
/** The domain of those who do not know theirs. */
const NO_DOMAIN = "0";
/** Readers do not wait to hear whether a slot is free again: they take another one. */
const LAST_READER_SLOT = 253;
/** What a folder answers that takes no sockets, or none of this user. */
const TAKES_NO_SOCKETS = new Set([
  "EPERM",
  "EACCES",
  "EOPNOTSUPP",
  "ENOTSUP",
  "EINVAL",
  "ENOSYS",
  "ENXIO",
  "ENAMETOOLONG",
]);
const NO_LOCK: StorageLock = { release: () => {} };

/**
 * Takes the lock of a file in its folder. Call it while holding the abstract lock of the same slot.
 *
 * @returns undefined where another holder has it
 * @throws LlmdbError `LLMDB_UNSUPPORTED` where other holders could not be seen, unless the caller is `alone`
 */
export function lockInFolder(target: LockTarget): StorageLock | undefined {
  const folder = openFolder(target);
  if (folder === undefined) return NO_LOCK;
  try {
    const unseen = target.alone ? undefined : whyUnseen(folder, target.descriptor);
    if (unseen !== undefined) throw refusal(target, unseen);
    return contend(target, fs.existsSync(pathOf(folder)) ? pathOf(folder) : dirname(target.path));
  } catch (error) {
    throw systemError(error, "lock", target.path);
  } finally {
    fs.closeSync(folder);
  }
}

function openFolder({ path, alone }: LockTarget): number | undefined {
  try {
    return fs.openSync(dirname(path), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  } catch (cause) {
    if (alone) return undefined;
    throw systemError(cause, "lock", path);
  }
}

/** @param place a path of the folder, short enough for addresses */
function contend(target: LockTarget, place: string): StorageLock | undefined {
  const own = newName(target);
  const lock = bind(target, place, own);
  if (lock === undefined) return NO_LOCK;
  try {
    const names = namesIn(place);
    const rivals = names.filter(({ inode, slot }) => inode === own.inode && slot === own.slot);
    if (hasLiving(place, own, rivals)) {
      lock.release();
      return undefined;
    }
    if (target.slot === 0 && !target.alone) sweep(place, own, names);
    return lock;
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Whether a rival lives; removes those that do not. */
function hasLiving(place: string, own: LockName, rivals: readonly LockName[]): boolean {
  const unknown: string[] = [];
  for (const rival of rivals) {
    if (rival.text === own.text) continue;
    if (rival.domain === own.domain && own.domain !== NO_DOMAIN) remove(place, rival.text);
    // One without its name has not looked yet, and will see this one.
    else if (!rival.isNew) unknown.push(rival.text);
  }
  if (unknown.length === 0) return false;
  const slot = Number(own.slot);
  if (slot > 0 && slot <= LAST_READER_SLOT) {
    for (const name of unknown) removeWhenDead(place, name);
    return true;
  }
  const states = askNow(unknown.map((name) => `${place}/${name}`));
  for (const [index, name] of unknown.entries()) if (states[index] === "dead") remove(place, name);
  return states.includes("alive");
}

/** Removes what kills have left of the locks of any file in the folder. */
function sweep(place: string, own: LockName, names: readonly LockName[]): void {
  for (const { text, isNew } of names) {
    if (text === own.text) continue;
    if (!isNew) removeWhenDead(place, text);
    else if (isOld(`${place}/${text}`)) remove(place, text);
  }
}

function isOld(path: string): boolean {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  return stats?.isSocket() === true && wallMs() - stats.mtimeMs > NEW_MS;
}

/** A connection to a file that is no socket is refused as well. */
function remove(place: string, name: string): void {
  try {
    if (fs.lstatSync(`${place}/${name}`).isSocket()) fs.unlinkSync(`${place}/${name}`);
  } catch {
    // Another one was faster, or it belongs to another user: no one minds a dead one.
  }
}

/** The folder stays open until the answer comes: its number could be another file's by then. */
function removeWhenDead(place: string, name: string): void {
  const folder = fs.openSync(place, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  const stay = place.startsWith(FOLDERS) ? pathOf(folder) : place;
  askLater(`${stay}/${name}`, (state) => {
    if (state === "dead") remove(stay, name);
    fs.closeSync(folder);
  });
}

/** Listens at another name, then takes this one. Undefined where the folder takes no sockets, and that is fine. */
function bind(target: LockTarget, place: string, { text }: LockName): StorageLock | undefined {
  const address = `${place}/${text}${NEW_SUFFIX}`;
  const fits = Buffer.byteLength(address) <= ADDRESS_BYTES;
  const server = net.createServer((stranger) => stranger.destroy());
  // What cannot be bound is told at once, by `listening`; the event only repeats that, later.
  server.on("error", () => {});
  // Without `exclusive`, the workers of a cluster would share one socket and all hold the lock.
  if (fits) server.listen({ path: address, exclusive: true });
  if (!server.listening) {
    if (target.alone) return undefined;
    const errno = fits ? whyNotBound(address) : "ENAMETOOLONG";
    throw TAKES_NO_SOCKETS.has(errno)
      ? refusal(
          target,
          `its folder takes no Unix socket (${errno}), so that processes in other containers are not seen`,
        )
      : failure(errno, "lock", target.path);
  }
  server.unref();
  try {
    fs.chmodSync(address, socketModeOf(target.path));
    fs.renameSync(address, `${place}/${text}`);
  } catch (cause) {
    server.close();
    throw cause;
  }
  const path = join(dirname(target.path), text);
  return {
    release() {
      try {
        fs.rmSync(path, { force: true });
      } catch {
        // Once it is closed it refuses, as that of a killed holder does: the next one removes it.
      } finally {
        server.close();
      }
    },
  };
}

function refusal({ path }: LockTarget, because: string): LlmdbError {
  const advice = "keep it on a local disk, or open it with alone: true (--alone) if nothing else has it open meanwhile";
  return new LlmdbError("LLMDB_UNSUPPORTED", `${path} cannot be locked for writing: ${because}; ${advice}`, { path });
}

function newName({ identity, path, slot }: LockTarget): LockName {
  const name = basename(path);
  const front = Buffer.byteLength(name) <= MAX_FRONT_BYTES ? name : "llmdb";
  const inode = BigInt(identity.slice(identity.indexOf(":") + 1)).toString(36);
  const domain = lockDomain() ?? NO_DOMAIN;
  const text = `${front}-lock-${inode}-${slot}-${domain}-${randomText()}`;
  return { text, inode, slot: String(slot), domain, isNew: false };
}

/** The sockets of locks in a folder. */
function namesIn(place: string): LockName[] {
  const names: LockName[] = [];
  for (const text of fs.readdirSync(place)) {
    const match = NAME.exec(text);
    if (match === null) continue;
    const [, inode, slot, domain, suffix] = match;
    names.push({ text, inode, slot, domain, isNew: suffix !== undefined });
  }
  return names;
}

/** Eight characters of 36, at random. */
function randomText(): string {
  const bytes = process.getBuiltinModule("node:crypto").randomBytes(8);
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}
