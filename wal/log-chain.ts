/**
 * Reading the commits that follow an anchor. Guarantees:
 * - What is read is a prefix of the commits that were appended: each record names the checksum of the one before, the
 *   salt of its chain and the next transaction.
 * - The prefix ends at the first record that is not whole. If a later record knew that one to be durable, that is
 *   damage and an error; else the record was never acknowledged, and is cut.
 * - Nothing is written, and reading the same bytes again gives the same.
 */
import { LlmdbError } from "../pager/error.js";
import type { StorageFile } from "../pager/storage.js";
import type { Anchor, ChainEnd } from "./log.js";
import { LogBytes } from "./log-bytes.js";
import { SECTOR_BYTES } from "./log-header.js";
import { alignSector } from "./log-space.js";
import {
  ANCHOR,
  alignRecord,
  COMMIT,
  claimedBytes,
  claimedTx,
  claimsCommit,
  isSameSalt,
  type LogRecord,
  parentSalt,
  RECORD_HEADER_BYTES,
  readRecord,
  recordBody,
  SALT_BYTES,
} from "./record.js";

/** Records that do not overlap claim the file once, and stale ones a little more. */
const CLAIM_FACTOR = 4;

export class LogChain {
  /** The commits, in order, without gaps. */
  readonly commits: LogRecord[] = [];
  /** The transaction that the chain starts after. */
  readonly baseTx: number;
  readonly path: string;
  /** The newest transaction that a record in the chain knew to be durable. */
  durableTx: number;
  /** At least this many bytes of records at the end are not whole, or follow one that is not. */
  cutBytes = 0;
  /** The chain went on at the start of the file. */
  wrapped = false;
  /** Commits were taken from where they were stated again, because their own place lost them. */
  usedRestated = false;
  /** Acknowledged commits follow, after one that only a newer checkpoint holds. */
  endsAtGap = false;
  /** What it follows. */
  readonly anchor: Anchor;
  readonly #bytes: LogBytes;
  readonly #base: LogRecord;
  readonly #salts = new Set<string>();
  #sawGap = false;
  #salt: Uint8Array;
  #crc: number;
  #end: number;

  /**
   * Reads what follows the anchor at this place.
   *
   * @throws LlmdbError `LLMDB_CORRUPT` where the anchor is not there, or a record in the middle is damaged
   */
  static read(file: StorageFile, path: string, anchor: Anchor): LogChain {
    const chain = LogChain.find(file, path, anchor);
    if (chain !== undefined) return chain.follow();
    throw new LlmdbError(
      "LLMDB_CORRUPT",
      `${path} does not go on from where the database file is: it is the log of an older or newer copy, or damaged; ` +
        "restore both files from one backup, or move the log away to open the database as of its last checkpoint",
      { path },
    );
  }

  /** The chain of an anchor, not followed yet; undefined where the anchor is not at this place. */
  static find(file: StorageFile, path: string, { position, crc }: Anchor): LogChain | undefined {
    const bytes = new LogBytes(file);
    const base = bytes.recordAt(position);
    return base?.kind === ANCHOR && base.crc === crc ? new LogChain(bytes, path, base, position) : undefined;
  }

  /** The chain of the first anchor of a log, where that follows the checkpoint with this transaction and checksum. */
  static findFirst(file: StorageFile, path: string, tx: number, metaCrc: number): LogChain | undefined {
    const bytes = new LogBytes(file);
    const base = bytes.recordAt(SECTOR_BYTES);
    const fits = base?.kind === ANCHOR && base.tx === tx && base.previousCrc === metaCrc;
    return fits ? new LogChain(bytes, path, base, SECTOR_BYTES) : undefined;
  }

  private constructor(bytes: LogBytes, path: string, base: LogRecord, position: number) {
    this.#bytes = bytes;
    this.path = path;
    this.#base = base;
    this.anchor = { position, crc: base.crc };
    this.baseTx = base.tx;
    this.durableTx = base.tx;
    this.#salt = base.salt;
    this.#crc = base.crc;
    this.#end = position + base.bytes.length;
    this.#salts.add(saltKey(parentSalt(base)));
    this.#salts.add(saltKey(base.salt));
    this.#restate(base);
  }

  /** The newest commit in the chain. */
  get tx(): number {
    return this.baseTx + this.commits.length;
  }

  /** The byte after its last record. */
  get endPosition(): number {
    return this.#end;
  }

  /** What the next record has to follow. */
  get end(): ChainEnd {
    return { tx: this.tx, txCrc: this.crcOf(this.tx), crc: this.#crc, salt: this.#salt };
  }

  /** The checksum of the record of a transaction from the base on. */
  crcOf(tx: number): number {
    return tx === this.baseTx ? this.#base.previousCrc : this.commits[tx - this.baseTx - 1].crc;
  }

  /** The salt of the chain that the record of a transaction is in. */
  saltOf(tx: number): Uint8Array {
    return tx === this.baseTx ? this.#base.salt : this.commits[tx - this.baseTx - 1].salt;
  }

  /** Reads on as far as the chain goes. Repeated, it takes in what was appended meanwhile. */
  follow(): this {
    this.#bytes.forget();
    while (this.#step()) this.cutBytes = 0;
    return this;
  }

  #step(): boolean {
    for (const position of [alignRecord(this.#end), alignSector(this.#end), SECTOR_BYTES]) {
      const record = this.#bytes.recordAt(position);
      if (record === undefined || !this.#continues(record)) continue;
      if (position < this.#end) this.wrapped = true;
      this.#accept(record, position);
      return true;
    }
    return this.#jump();
  }

  #continues(record: LogRecord): boolean {
    if (record.kind === COMMIT) {
      return record.tx === this.tx + 1 && record.previousCrc === this.#crc && isSameSalt(record.salt, this.#salt);
    }
    if (this.#salts.has(saltKey(record.salt)) || !this.#salts.has(saltKey(parentSalt(record)))) return false;
    if (record.tx > this.tx) {
      if (record.previousCrc === this.crcOf(this.tx)) this.#sawGap = true;
      return false;
    }
    return record.tx >= this.baseTx && record.previousCrc === this.crcOf(record.tx);
  }

  #accept(record: LogRecord, position: number): void {
    this.#end = position + record.bytes.length;
    this.#crc = record.crc;
    this.durableTx = Math.max(this.durableTx, record.durableTx);
    if (record.kind === COMMIT) {
      this.commits.push(record);
      return;
    }
    this.#salt = record.salt;
    this.#salts.add(saltKey(record.salt));
    this.#restate(record);
  }

  /** Takes the commits that an anchor states again and that are not known yet. */
  #restate(anchor: LogRecord): void {
    const body = recordBody(anchor);
    for (let at = SALT_BYTES; at < body.length; ) {
      const record = readRecord(body, at);
      if (record === undefined) return;
      if (record.kind === COMMIT && record.tx === this.tx + 1) {
        this.commits.push(record);
        this.usedRestated = true;
      }
      at += record.bytes.length;
    }
  }

  /** The next record is not where it should be: looks for one that states it again, or that shows it is damaged. */
  #jump(): boolean {
    const later: LogRecord[] = [];
    let budget = CLAIM_FACTOR * this.#bytes.size;
    for (let position = SECTOR_BYTES; position < this.#bytes.size; position += SECTOR_BYTES) {
      const header = this.#bytes.read(position, RECORD_HEADER_BYTES);
      if (header === undefined || claimedBytes(header, 0) === 0) continue;
      // Commits that are in the chain, or before it, tell nothing new.
      const tx = claimedTx(header, 0);
      if (tx < this.baseTx || (tx <= this.tx && claimsCommit(header, 0))) continue;
      // Overlapping claims could make each sector be read to the end of the file.
      const bytes = claimedBytes(header, 0);
      if (position + bytes > this.#bytes.size) continue;
      budget -= bytes;
      if (budget < 0) throw this.damaged();
      const record = this.#bytes.recordAt(position);
      if (record === undefined) continue;
      if (record.kind === ANCHOR && this.#continues(record)) {
        this.#accept(record, position);
        return true;
      }
      this.#collect(record, position, later);
    }
    this.#judge(later);
    return false;
  }

  /** Takes a record and those that follow it in its sector: one of them may know more to be durable. */
  #collect(first: LogRecord, position: number, into: LogRecord[]): void {
    let record: LogRecord | undefined = first;
    for (let at = position; record !== undefined; record = this.#bytes.recordAt(at)) {
      into.push(record);
      at = alignRecord(at + record.bytes.length);
      if (at % SECTOR_BYTES === 0) return;
    }
  }

  #judge(found: readonly LogRecord[]): void {
    const salts = new Set(this.#salts);
    for (const anchor of found.filter(({ kind }) => kind === ANCHOR).sort((a, b) => a.tx - b.tx)) {
      if (salts.has(saltKey(parentSalt(anchor)))) salts.add(saltKey(anchor.salt));
    }
    const later = found.filter(({ salt }) => salts.has(saltKey(salt)));
    // Also where the anchor of their chain is what is damaged: no one ever knew more to be durable than was.
    const acknowledged = found.some(({ durableTx }) => durableTx > this.tx);
    if (acknowledged && !this.#sawGap) throw this.damaged();
    this.endsAtGap = acknowledged;
    this.cutBytes = later.reduce((sum, { kind, tx, bytes }) => {
      return kind === COMMIT && tx > this.tx ? sum + bytes.length : sum;
    }, this.#tornBytes());
  }

  /** Bytes of a record of the next transaction that is not whole. */
  #tornBytes(): number {
    for (const position of [alignRecord(this.#end), alignSector(this.#end)]) {
      const header = this.#bytes.read(position, RECORD_HEADER_BYTES);
      if (header === undefined || claimedTx(header, 0) !== this.tx + 1) continue;
      const length = claimedBytes(header, 0);
      if (length > 0 && this.#bytes.recordAt(position) === undefined) {
        return Math.min(length, this.#bytes.size - position);
      }
    }
    return 0;
  }

  /** The error for a next record that was acknowledged and is not there. */
  damaged(): LlmdbError {
    const tx = this.tx + 1;
    return new LlmdbError(
      "LLMDB_CORRUPT",
      `the log ${this.path} is damaged at transaction ${tx}, which was acknowledged; restore a backup, or move the ` +
        "log away to open the database as of its last checkpoint",
      { path: this.path, tx, position: this.#end },
    );
  }
}

function saltKey(salt: Uint8Array): string {
  return Buffer.from(salt.buffer, salt.byteOffset, salt.length).toString("latin1");
}
