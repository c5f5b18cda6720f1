/**
 * What a trace of system calls says about commits. Guarantees: a commit counts as synced only where, after it began
 * and before it was acknowledged, bytes were written to a file of the database and a sync of that same file began,
 * ended and succeeded; a write to a file opened with O_DSYNC or O_SYNC, or with RWF_DSYNC or RWF_SYNC, is its own sync.
 */

/** What the trace has to hold. `sync_file_range` is there to be seen: it promises nothing and counts as nothing. */
export const TRACED_CALLS = [
  ...["openat", "open", "openat2", "creat", "close"],
  ...["write", "writev", "pwrite64", "pwritev", "pwritev2"],
  ...["fsync", "fdatasync", "syncfs", "sync", "msync", "sync_file_range"],
  ...["io_uring_setup", "io_uring_enter"],
];

const LINE = /^(?:(\d+)\s+)?(.*)$/;
const UNFINISHED = /^(\w+)\((.*) <unfinished \.\.\.>$/;
const RESUMED = /^<\.\.\. (\w+) resumed>(.*)$/;
const CALL = /^(\w+)\((.*)\)\s+= (-?\d+|0x[0-9a-f]+|\?)(?:<.*>)?(?: .*)?$/s;
const FILE = /^(\d+)<([^>]*)>/;
const WRITES = new Set(["write", "writev", "pwrite64", "pwritev", "pwritev2"]);

/**
 * @typedef {object} Call
 * @property {string} name
 * @property {string} args
 * @property {number} result negative where it failed
 * @property {number} began the line of the trace
 * @property {number} ended
 */

/**
 * The calls of all threads, in the order in which they ended.
 *
 * @param {string} trace as `strace -f -y -o` writes it
 * @returns {Call[]}
 */
export function callsIn(trace) {
  const calls = [];
  /** By thread: what a thread has begun and not ended. @type {Map<string, { text: string, began: number }>} */
  const open = new Map();
  const lines = trace.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const [, thread = "", text] = LINE.exec(lines[i]) ?? [];
    if (text === undefined) continue;
    const unfinished = UNFINISHED.exec(text);
    if (unfinished !== null) {
      open.set(thread, { text: `${unfinished[1]}(${unfinished[2]}`, began: i });
      continue;
    }
    const resumed = RESUMED.exec(text);
    const begun = resumed === null ? { text, began: i } : open.get(thread);
    if (begun === undefined) continue;
    const call = CALL.exec(resumed === null ? text : `${begun.text}${resumed[2]}`);
    if (resumed !== null) open.delete(thread);
    if (call === null) continue;
    calls.push({ name: call[1], args: call[2], result: Number(call[3]), began: begun.began, ended: i });
  }
  return calls;
}

/**
 * @typedef {object} Commit
 * @property {string} mode how it was made
 * @property {number} syncs that covered what it wrote
 * @property {string[]} by each of them: the call and the file
 * @property {boolean} isUnseen it used io_uring, whose syncs a trace does not show
 */

/**
 * A commit that was not acknowledged yet.
 *
 * @typedef {object} Running
 * @property {string} mode
 * @property {number} began
 * @property {Map<string, number>} written files, and where in the trace the last write to each ended
 * @property {string[]} by
 * @property {boolean} isUnseen
 */

/**
 * The commits that the program marked, with the syncs of each.
 *
 * @param {Call[]} calls
 * @param {{ folder: string, marks: string }} place where the database lies, and the file that the marks are written to
 * @returns {Commit[]}
 */
export function commitsIn(calls, { folder, marks }) {
  /** Descriptors whose writes are synced by themselves. @type {Set<string>} */
  const synced = new Set();
  const commits = [];
  /** @type {Running | undefined} */
  let running;
  for (const call of calls) {
    const [, descriptor, path = ""] = FILE.exec(call.args) ?? [];
    noteDescriptor(call, descriptor, synced);
    if (path === marks) {
      const [, what, mode] = /"(begin|acknowledged) (.*)\\n"/.exec(call.args) ?? [];
      if (what === "begin") {
        running = { mode, began: call.ended, written: new Map(), by: [], isUnseen: false };
      } else if (what === "acknowledged" && running !== undefined) {
        commits.push({ mode, syncs: running.by.length, by: running.by, isUnseen: running.isUnseen });
        running = undefined;
      }
      continue;
    }
    if (running === undefined || call.result < 0 || call.began < running.began) continue;
    if (call.name === "io_uring_enter") running.isUnseen = true;
    noteCall(call, { descriptor, path: path.startsWith(folder) ? path : undefined }, synced, running);
  }
  return commits;
}

function noteDescriptor({ name, args, result }, descriptor, synced) {
  if (name === "close" && result === 0) synced.delete(descriptor);
  else if (name.startsWith("open") && result >= 0) {
    if (/\bO_D?SYNC\b/.test(args)) synced.add(String(result));
    else synced.delete(String(result));
  }
}

/** Notes what a call means for the commit that runs. */
function noteCall(call, { descriptor, path }, synced, running) {
  const { name, args } = call;
  const covers = (file) => running.written.has(file) && running.written.get(file) < call.began;
  if (WRITES.has(name) && path !== undefined && call.result > 0) {
    running.written.set(path, call.ended);
    if (synced.has(descriptor) || /\bRWF_D?SYNC\b/.test(args))
      running.by.push(`${name} with O_DSYNC of ${nameOf(path)}`);
  } else if ((name === "fsync" || name === "fdatasync") && path !== undefined && covers(path)) {
    running.by.push(`${name} of ${nameOf(path)}`);
  } else if (name === "sync" || name === "syncfs") {
    if ([...running.written.keys()].some(covers)) running.by.push(name);
  } else if (name === "msync" && /\bMS_SYNC\b/.test(args)) {
    // What was stored into a mapping leaves no write in the trace.
    running.by.push(name);
  }
}

function nameOf(path) {
  return path.slice(path.lastIndexOf("/") + 1).replace(/\d{3,}/, "N");
}
