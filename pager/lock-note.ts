/**
 * The note alongside a locked database, named after it with `-lock` behind: which process has the write lock, for
 * people who find it locked. Guarantees: the note decides nothing, so whatever it says, a wrong one does no harm; no
 * failure here is an error for the caller; a file of that name which is not a note is never changed, removed or waited
 * for; a process that is known to have ended is not named.
 *
 * A holder that is killed leaves its note behind. The next holder replaces it.
 */

import fs from "node:fs";
import { createFile } from "./file-mode.js";
import type { LockHolder } from "./storage.js";
import { errnoOf } from "./system-error.js";

/** Tells notes from other files, and people what they look at. */
const TITLE = "LLMDB write lock, for information only";
/** Longer ones are not notes. */
const MAX_NOTE_BYTES = 4096;
const MAX_PID = 0x7fff_ffff;
/** No control characters and the like: the name ends up in messages on terminals. */
const HOST_NAME = /^\P{C}{1,255}$/u;
/** What a power failure may leave of a note that was just written. */
const BLANK = /^\0*$/;

interface Note extends LockHolder {
  readonly title: string;
  /** Which start of the machine, where the system tells: process numbers begin again with each. */
  readonly boot: string;
  /** When the process started, in ticks since then, where the system tells: process numbers are used again. */
  readonly startTicks: string;
  /** Which numbers its process is counted among, where the system tells. Absent in notes of earlier versions. */
  readonly processes?: string;
  /** The database file's identity, which may no longer be what is alongside the note. */
  readonly file: string;
}

/**
 * Notes that this process has the write lock of the database at `path`; call it while holding the lock.
 *
 * @returns removes the note, if it is still this one; call it while still holding the lock
 */
export function writeLockNote(path: string, identity: string, startedAt: string): () => void {
  const name = noteName(path);
  const text = ownText(identity, startedAt);
  try {
    const found = readText(name);
    if (found !== undefined && (BLANK.test(found) || parseNote(found) !== undefined)) fs.unlinkSync(name);
    writeNewFile(name, text, path);
  } catch {
    // A folder that cannot be written to, a full disk, a file that is not ours: the lock holds without its note.
  }
  return () => {
    try {
      if (readText(name) === text) fs.unlinkSync(name);
    } catch {
      // A note that stays is a stale one, as after a kill.
    }
  };
}

/** Who has the write lock of the database at `path`, as its note says; undefined where it says nothing believable. */
export function readLockNote(path: string): LockHolder | undefined {
  const note = parseNote(readText(noteName(path)) ?? "");
  if (note === undefined || hasEnded(note)) return undefined;
  const { pid, host, startedAt } = note;
  return isFarOff(note) ? { pid, host, startedAt, inContainer: true } : { pid, host, startedAt };
}

function noteName(path: string): string {
  return `${path}-lock`;
}

function ownText(identity: string, startedAt: string): string {
  const note: Note = {
    title: TITLE,
    pid: process.pid,
    host: hostName(),
    startedAt,
    boot: bootId(),
    // Not by its number: the files of another container's processes may be the ones that are here.
    startTicks: processStatus("self")?.startTicks ?? "",
    processes: processSpace(),
    file: identity,
  };
  return `${JSON.stringify(note)}\n`;
}

function parseNote(text: string): Note | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isNote(value) ? value : undefined;
}

function isNote(value: unknown): value is Note {
  if (value === null || typeof value !== "object") return false;
  const field = (name: keyof Note): unknown => Reflect.get(value, name);
  const [pid, host, startedAt] = [field("pid"), field("host"), field("startedAt")];
  if (field("title") !== TITLE) return false;
  if (typeof pid !== "number" || !Number.isInteger(pid) || pid < 1 || pid > MAX_PID) return false;
  if (typeof host !== "string" || !HOST_NAME.test(host)) return false;
  if (typeof startedAt !== "string" || !isIsoTime(startedAt)) return false;
  if (!["string", "undefined"].includes(typeof field("processes"))) return false;
  return typeof field("boot") === "string" && typeof field("startTicks") === "string";
}

function isIsoTime(text: string): boolean {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString() === text;
}

/** Whether the process of a note is known to be gone. */
function hasEnded(note: Note): boolean {
  // Locks do not reach beyond one running kernel.
  if (note.boot !== bootId()) return true;
  if (note.host !== hostName() || isFarOff(note)) return false;
  const status = processStatus(note.pid);
  // A zombie has ended except for its exit code.
  if (status !== undefined) return /^[ZX]/.test(status.state) || status.startTicks !== note.startTicks;
  try {
    process.kill(note.pid, 0);
    return false;
  } catch (cause) {
    return errnoOf(cause) === "ESRCH";
  }
}

/** Whether the process is in another container: its number means nothing here. */
function isFarOff({ processes = "" }: Note): boolean {
  const own = processSpace();
  return processes !== "" && own !== "" && processes !== own;
}

/** Among which processes this one has its number, as Linux tells it; empty elsewhere. */
function processSpace(): string {
  try {
    return fs.readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

function hostName(): string {
  try {
    // Loaded when it is needed: a program that opens a database and reads goes without.
    return process.getBuiltinModule("node:os").hostname();
  } catch {
    return "unknown";
  }
}

/** Which start of the machine this is, as Linux tells it; empty elsewhere. */
function bootId(): string {
  try {
    return fs.readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
  } catch {
    return "";
  }
}

/** What Linux tells of a process; undefined elsewhere, and where it is gone or hidden. */
function processStatus(pid: number | "self"): { state: string; startTicks: string } | undefined {
  try {
    const text = fs.readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name of the program comes second, in brackets, and may hold spaces and brackets.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields.length > 19 ? { state: fields[0], startTicks: fields[19] } : undefined;
  } catch {
    return undefined;
  }
}

/** The text of a small file; undefined where there is none, or something else. */
function readText(name: string): string | undefined {
  let descriptor: number | undefined;
  try {
    // Neither waits for the other end of a FIFO nor follows a link. Windows has no such flags: they are undefined.
    const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
    descriptor = fs.openSync(name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
    if (!fs.fstatSync(descriptor).isFile()) return undefined;
    const buffer = Buffer.alloc(MAX_NOTE_BYTES + 1);
    const count = fs.readSync(descriptor, buffer, 0, buffer.length, 0);
    return count > MAX_NOTE_BYTES ? undefined : buffer.toString("utf8", 0, count);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) fs.closeSync(descriptor);
  }
}

/** Makes a file where nothing is, in one write, so that a reader sees all of the text or none. */
function writeNewFile(name: string, text: string, like: string): void {
  const bytes = Buffer.from(text);
  const descriptor = createFile(name, like);
  let complete = false;
  try {
    complete = fs.writeSync(descriptor, bytes, 0, bytes.length, 0) === bytes.length;
  } finally {
    fs.closeSync(descriptor);
    if (!complete) fs.unlinkSync(name);
  }
}
