/**
 * A database that was killed, as two files that a test may damage, together with what each of its commits held.
 * Guarantees: opening damaged files either fails with a typed error and leaves both files as they were, or gives what
 * one of the commits held, exactly; a read-only handle gives the same answer and changes nothing; all within a second.
 */
import { crc32 } from "node:zlib";
import { expect } from "vitest";
import { type Database, LlmdbError, open, type Recovered } from "../../index.js";
import { expectClean, expectSame, Random, SimulatedDisk } from "../harness/index.js";
import { bytesOf, CACHE_BYTES, type Contents, PAGE_BYTES, readState } from "./image.js";

const path = "killed.llmdb";
const logPath = `${path}-wal`;
export const SECTOR_BYTES = 4096;
export const RECORD_HEADER_BYTES = 56;
const LIMIT_MS = 1000;

/** Both files; without a log where it is missing. */
export interface Files {
  readonly file: Uint8Array;
  readonly log: Uint8Array | undefined;
}

/** A record of a log, and where it lies. */
export interface PlacedRecord {
  readonly at: number;
  readonly end: number;
  readonly isAnchor: boolean;
  readonly tx: number;
  readonly durableTx: number;
}

/** What became of opening. */
export interface LogOutcome {
  readonly refused: LlmdbError | undefined;
  readonly tx: number;
  readonly recovered: Recovered | undefined;
}

/** A database with a history, on a disk in memory. */
export class LogHistory {
  readonly states = new Map<number, Contents>([[0, new Map()]]);
  readonly #current = new Map([
    ["rows", new Map<string, Uint8Array>()],
    ["large", new Map<string, Uint8Array>()],
  ]);
  readonly #random: Random;
  readonly #checkpointBytes: number;
  #storage: SimulatedDisk;
  db: Database;

  constructor(seed: number, checkpointBytes = 1024 * 1024) {
    this.#random = new Random(seed);
    this.#checkpointBytes = checkpointBytes;
    this.#storage = new SimulatedDisk(seed);
    this.db = this.#open();
  }

  #open(): Database {
    return open(path, {
      storage: this.#storage,
      pageSize: PAGE_BYTES,
      checkpointBytes: this.#checkpointBytes,
      cacheBytes: CACHE_BYTES,
    });
  }

  commit(durability: "durable" | "buffered" = "durable"): void {
    const random = this.#random;
    const rows = this.#current.get("rows") ?? new Map<string, Uint8Array>();
    const large = this.#current.get("large") ?? new Map<string, Uint8Array>();
    this.db.transactionSync(
      (tx) => {
        for (const [name, map, count, size] of [
          ["rows", rows, 4, 60],
          ["large", large, 1, 9000],
        ] as const) {
          const stored = tx.map<string, Uint8Array>(name, { values: "bytes" });
          for (let i = random.below(count + 1); i > 0; i--) {
            const key = `key/${random.below(30)}`;
            const value = bytesOf(random.below(size), random.below(256));
            stored.put(key, value);
            map.set(key, value);
          }
        }
        const always = bytesOf(8, random.below(256));
        tx.map<string, Uint8Array>("rows", { values: "bytes" }).put("always", always);
        rows.set("always", always);
        const gone = `key/${random.below(30)}`;
        tx.map<string>("rows").delete(gone);
        rows.delete(gone);
      },
      { durability },
    );
    const { lastTx } = this.db.stats();
    this.states.set(lastTx, new Map([...this.#current].map(([name, map]) => [name, new Map(map)])));
  }

  /** Kills the process and opens the database again. */
  kill(): void {
    this.#storage = this.#storage.fork();
    this.db = this.#open();
  }

  close(): void {
    this.db.closeSync();
  }

  reopen(): void {
    this.db = this.#open();
  }

  get tx(): number {
    return this.db.stats().lastTx;
  }

  /** The disk, on which a test may let things happen. */
  get storage(): SimulatedDisk {
    return this.#storage;
  }

  /** What a kill would leave now. */
  files(): Files {
    const hasLog = this.#storage.kind(logPath) !== "missing";
    return { file: bytesIn(this.#storage, path), log: hasLog ? bytesIn(this.#storage, logPath) : undefined };
  }
}

function bytesIn(storage: SimulatedDisk, name: string): Uint8Array {
  const file = storage.open(name, "read");
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

/** A disk with these files. */
export function diskOf({ file, log }: Files): SimulatedDisk {
  const storage = new SimulatedDisk();
  const disk: [string, Uint8Array | undefined][] = [
    [path, file],
    [logPath, log],
  ];
  for (const [name, bytes] of disk) {
    if (bytes === undefined) continue;
    const handle = storage.open(name, "create");
    handle.write(bytes, 0, bytes.length, 0);
    handle.close();
  }
  return storage;
}

/** The whole records of a log that start at multiples of 8, in the order in which they lie. */
export function recordsIn(log: Uint8Array): PlacedRecord[] {
  const bytes = Buffer.from(log.buffer, log.byteOffset, log.length);
  const found: PlacedRecord[] = [];
  for (let at = SECTOR_BYTES; at + RECORD_HEADER_BYTES <= bytes.length; at += 8) {
    if (bytes.toString("latin1", at, at + 4) !== "LWAL") continue;
    const end = at + RECORD_HEADER_BYTES + bytes.readUInt32LE(at + 8);
    if (end > bytes.length || crc32(bytes.subarray(at + 8, end)) !== bytes.readUInt32LE(at + 4)) continue;
    const [tx, durableTx] = [bytes.readUIntLE(at + 24, 6), bytes.readUIntLE(at + 32, 6)];
    found.push({ at, end, isAnchor: bytes[at + 12] === 2, tx, durableTx });
    at = Math.ceil(end / 8) * 8 - 8;
  }
  return found;
}

/** A copy of the files with a changed log. */
export function withLog({ file, log }: Files, change: (log: Buffer) => void): Files {
  const copy = Buffer.from(log ?? new Uint8Array(0));
  change(copy);
  return { file, log: copy };
}

/** Opens the files read-only and to write; both must give the same, which is returned. */
export function openDamaged(files: Files, history: LogHistory, what: string): LogOutcome {
  const reader = openOnce(files, history, true, `${what}, read-only`);
  const writer = openOnce(files, history, false, what);
  expectSame([reader.refused?.code, reader.tx], [writer.refused?.code, writer.tx], `${what}: read-only and to write`);
  return writer;
}

function openOnce(files: Files, history: LogHistory, readOnly: boolean, what: string): LogOutcome {
  const storage = diskOf(files);
  const started = performance.now();
  let db: Database;
  try {
    db = open(path, { storage, create: false, readOnly, cacheBytes: CACHE_BYTES });
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw new Error(`${what}: open threw ${String(error)}`, { cause: error });
    expectUnchanged(storage, files, what);
    expectSame(performance.now() - started < LIMIT_MS, true, `${what}: refused within a second`);
    return { refused: error, tx: -1, recovered: undefined };
  }
  expectSame(performance.now() - started < LIMIT_MS, true, `${what}: opened within a second`);
  const { lastTx } = db.stats();
  expectState(db, history, what);
  db.closeSync();
  if (readOnly) expectUnchanged(storage, files, what);
  else expectClosed(storage, history, lastTx, what);
  return { refused: undefined, tx: lastTx, recovered: db.recovered };
}

function expectState(db: Database, history: LogHistory, what: string): void {
  const { lastTx } = db.stats();
  const state = history.states.get(lastTx);
  if (state === undefined) throw new Error(`${what}: it opened at transaction ${lastTx}`);
  const { failed } = readState(db, state, what);
  expectSame(failed, 0, `${what}: reads that failed`);
  expectClean(db);
}

function expectClosed(storage: SimulatedDisk, history: LogHistory, tx: number, what: string): void {
  expectSame(storage.kind(logPath), "missing", `${what}: the log after closing`);
  const db = open(path, { storage, create: false, cacheBytes: CACHE_BYTES });
  expectSame(db.stats().lastTx, tx, `${what}: opened again`);
  // Where nothing was written since, the meta page still names a log.
  const steps = db.recovered.steps.filter((step) => step !== "log-missing");
  expectSame(steps, [], `${what}: steps of opening again`);
  expectState(db, history, `${what}, opened again`);
  db.closeSync();
}

function expectUnchanged(storage: SimulatedDisk, { file, log }: Files, what: string): void {
  expectSame(bytesIn(storage, path), file, `${what}: the file afterwards`);
  expectSame(storage.kind(logPath), log === undefined ? "missing" : "file", `${what}: the log is there afterwards`);
  if (log !== undefined) expectSame(bytesIn(storage, logPath), log, `${what}: the log afterwards`);
}

/** Demands that files are refused as damaged. */
export function expectRefused(files: Files, history: LogHistory, what: string, code = "LLMDB_CORRUPT"): void {
  const { refused, tx } = openDamaged(files, history, what);
  expect([what, refused?.code, tx]).toEqual([what, code, -1]);
}

/** Demands that files open at a transaction. */
export function expectOpens(files: Files, history: LogHistory, tx: number, what: string): Recovered {
  const { refused, tx: found, recovered } = openDamaged(files, history, what);
  expect([what, refused?.message, found]).toEqual([what, undefined, tx]);
  if (recovered === undefined) throw new Error("unreachable");
  return recovered;
}
