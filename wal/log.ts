/**
 * The log of one open database: commits are appended, and durable after a sync. Guarantees:
 * - A record goes out in one write, into sectors that exist on disk, and shares none with a record that was
 *   acknowledged.
 * - `syncedTx` is the newest commit whose last byte was written before a sync that succeeded began.
 * - An append that fails for lack of room changes nothing.
 */
import { LlmdbError } from "../pager/error.js";
import type { Storage, StorageFile } from "../pager/storage.js";
import { encodeLogHeader, type LogHeader, SECTOR_BYTES } from "./log-header.js";
import { alignSector, LogSpace } from "./log-space.js";
import type { OperationBuffer } from "./operation-buffer.js";
import { ANCHOR, COMMIT, RECORD_HEADER_BYTES, SALT_BYTES, sealRecord } from "./record.js";

/** Room that commits leave for the anchors of the next checkpoints. */
const ANCHOR_ROOM_BYTES = 2 * SECTOR_BYTES;
const FIRST_GROWTH_BYTES = 64 * 1024;
const MAX_GROWTH_BYTES = 4 * 1024 * 1024;
/** Records of a group are written in pieces of about this size. */
const DEFERRED_BYTES = 256 * 1024;
const ZEROS = new Uint8Array(256 * 1024);

/** Where a chain of commits starts, as a meta page names it. */
export interface Anchor {
  readonly position: number;
  readonly crc: number;
}

/** Where a chain ends: what the next record has to follow. */
export interface ChainEnd {
  /** The newest transaction in it. */
  readonly tx: number;
  /** The checksum of its record; of the last record of all; and the salt of the chain. */
  readonly txCrc: number;
  readonly crc: number;
  readonly salt: Uint8Array;
}

/** What an anchor says besides its own salt. */
export interface AnchorContent {
  /** The chain goes on after this transaction, */
  readonly tx: number;
  /** whose record has this checksum */
  readonly txCrc: number;
  /** and is in a chain under this salt. */
  readonly parentSalt: Uint8Array;
  /** Whole records of later commits, whose own place is not known to be durable. */
  readonly restated: readonly Uint8Array[];
}

export class Log {
  readonly file: StorageFile;
  /** Names the file itself. */
  readonly identity: string;
  readonly space: LogSpace;
  readonly #storage: Storage;
  #salt: Uint8Array;
  #crc: number;
  #txCrc: number;
  #writtenTx: number;
  #syncedTx: number;
  #deferred = new Uint8Array(SECTOR_BYTES);
  #deferredStart = 0;
  #deferredBytes = 0;
  /** A blocking sync has failed. */
  #failed = false;
  /** How many syncs have begun. */
  syncs = 0;
  #anchoredBytes = 0;

  /** @param durableTx the newest transaction of the chain that is known to be durable */
  constructor(storage: Storage, file: StorageFile, space: LogSpace, end: ChainEnd, durableTx: number) {
    this.#storage = storage;
    this.file = file;
    this.identity = file.identity();
    this.space = space;
    this.#salt = end.salt;
    this.#crc = end.crc;
    this.#txCrc = end.txCrc;
    this.#writtenTx = end.tx;
    this.#syncedTx = durableTx;
  }

  /** The newest transaction that is in the log or in a durable checkpoint. */
  get writtenTx(): number {
    return this.#writtenTx;
  }

  /** Bytes of the file that commits have taken since the last anchor. */
  get bytesSinceAnchor(): number {
    return this.space.travelledBytes - this.#anchoredBytes;
  }

  /** The newest transaction that the log holds durably. */
  get syncedTx(): number {
    return this.#syncedTx;
  }

  /**
   * Appends a commit; false where there is no room for it until a checkpoint gives some back. With `deferred` it is
   * written with the next sync, or with what comes before that and is not.
   *
   * @throws LlmdbError `LLMDB_DISK_FULL`; nothing has changed then. `LLMDB_IO`: the record may be there or not
   */
  append(operations: OperationBuffer, tx: number, timeMicros: number, deferred = false): boolean {
    const { end } = operations;
    const start = this.space.place(end, ANCHOR_ROOM_BYTES);
    if (start < 0) return false;
    this.#grow(alignSector(start + end) + ANCHOR_ROOM_BYTES);
    const crc = sealRecord(operations.bytes, end, {
      kind: COMMIT,
      tx,
      durableTx: this.#syncedTx,
      timeMicros,
      previousCrc: this.#crc,
      salt: this.#salt,
    });
    if (deferred) this.#defer(operations.bytes, end, start);
    else this.#write(operations.bytes, end, start);
    this.#crc = crc;
    this.#txCrc = crc;
    this.#writtenTx = tx;
    return true;
  }

  /**
   * Appends an anchor under a new salt, in sectors of its own. Returns undefined where there is no room.
   *
   * @throws LlmdbError as `append`
   */
  anchor(content: AnchorContent): Anchor | undefined {
    const bodyBytes = content.restated.reduce((sum, record) => sum + record.length, SALT_BYTES);
    const end = RECORD_HEADER_BYTES + bodyBytes;
    this.space.seal();
    const start = this.space.place(end, 0);
    if (start < 0) return undefined;
    this.#grow(alignSector(start + end));
    const bytes = new Uint8Array(alignSector(end));
    bytes.set(content.parentSalt, RECORD_HEADER_BYTES);
    let at = RECORD_HEADER_BYTES + SALT_BYTES;
    for (const record of content.restated) {
      bytes.set(record, at);
      at += record.length;
    }
    const salt = new Uint8Array(SALT_BYTES);
    this.#storage.random(salt);
    const crc = sealRecord(bytes, end, {
      kind: ANCHOR,
      tx: content.tx,
      durableTx: this.#syncedTx,
      timeMicros: 0,
      previousCrc: content.txCrc,
      salt,
    });
    this.#write(bytes, end, start);
    this.space.seal();
    this.#salt = salt;
    this.#crc = crc;
    return { position: start, crc };
  }

  /** An anchor for the checkpoint of `tx`, the newest transaction, whose record may be missing from the log. */
  anchorCheckpoint(tx: number): Anchor | undefined {
    const anchor = this.anchor({ tx, txCrc: this.#txCrc, parentSalt: this.#salt, restated: [] });
    if (anchor !== undefined) this.#anchoredBytes = this.space.travelledBytes;
    return anchor;
  }

  /** Makes everything that was appended durable; blocks. */
  sync(): void {
    const upTo = this.#beginSync();
    this.#failed = true;
    this.file.sync();
    this.#failed = false;
    this.#syncedTx = Math.max(this.#syncedTx, upTo);
  }

  /** The same on the thread pool; what is appended meanwhile is not covered. */
  async syncAsync(): Promise<void> {
    const upTo = this.#beginSync();
    await this.file.syncAsync();
    // Of two syncs that overlap, one is told of an error and the other succeeds: then neither counts.
    if (this.#failed) throw new LlmdbError("LLMDB_IO", "a sync of the log failed at the same time");
    this.#syncedTx = Math.max(this.#syncedTx, upTo);
  }

  #beginSync(): number {
    this.syncs++;
    this.#writeDeferred();
    this.space.seal();
    return this.#writtenTx;
  }

  /** A durable checkpoint holds everything up to `tx`. */
  checkpointed(tx: number): void {
    this.#writtenTx = Math.max(this.#writtenTx, tx);
    this.#syncedTx = Math.max(this.#syncedTx, tx);
  }

  /** Overwrites what is not in use with zeros; durable after the next sync. */
  eraseUnused(): void {
    for (const [from, to] of this.space.unused()) writeZeros(this.file, from, to);
  }

  #write(bytes: Uint8Array, length: number, start: number): void {
    this.#writeDeferred();
    this.#writeSectors(bytes, length, start);
    this.space.take(start, length);
  }

  /** Keeps a record, to be written together with those that lie right before it. */
  #defer(bytes: Uint8Array, length: number, start: number): void {
    const offset = start - this.#deferredStart;
    if (offset < this.#deferredBytes || offset > DEFERRED_BYTES) this.#writeDeferred();
    if (this.#deferredBytes === 0) this.#deferredStart = start;
    const at = start - this.#deferredStart;
    this.#makeDeferredRoom(at + length);
    this.#deferred.fill(0, this.#deferredBytes, at);
    this.#deferred.set(bytes.subarray(0, length), at);
    this.#deferredBytes = at + length;
    this.space.take(start, length);
  }

  #makeDeferredRoom(bytes: number): void {
    if (bytes + SECTOR_BYTES <= this.#deferred.length) return;
    const larger = new Uint8Array(Math.max(bytes + SECTOR_BYTES, Math.min(this.#deferred.length * 2, DEFERRED_BYTES)));
    larger.set(this.#deferred.subarray(0, this.#deferredBytes));
    this.#deferred = larger;
  }

  /** Commits that are visible already depend on it: where it fails, it is not known what becomes of them. */
  #writeDeferred(): void {
    const length = this.#deferredBytes;
    if (length === 0) return;
    this.#deferredBytes = 0;
    try {
      this.#writeSectors(this.#deferred, length, this.#deferredStart);
    } catch (cause) {
      throw new LlmdbError("LLMDB_IO", "commits could not be written to the log; see the cause", {}, { cause });
    }
    if (this.#deferred.length > 2 * DEFERRED_BYTES) this.#deferred = new Uint8Array(SECTOR_BYTES);
  }

  /** Writes up to the end of the sector, so that the system need not read it first; there is room for that. */
  #writeSectors(bytes: Uint8Array, end: number, start: number): void {
    const length = alignSector(start + end) - start;
    bytes.fill(0, end, length);
    this.file.write(bytes, 0, length, start);
  }

  /** Extends the file, with bytes on disk, so that a sync of records need not change its length. */
  #grow(end: number): void {
    const { fileBytes } = this.space;
    if (end <= fileBytes) return;
    const step = Math.min(Math.max(FIRST_GROWTH_BYTES, fileBytes), MAX_GROWTH_BYTES);
    const wanted = Math.max(end, Math.min(fileBytes + step, this.space.limitBytes + SECTOR_BYTES));
    this.space.fileBytes = growFile(this.file, fileBytes, wanted, end);
  }
}

/** Extends a file with zeros to `wanted` bytes, or if the disk has no room for that, to `least`. Returns its length. */
function growFile(file: StorageFile, from: number, wanted: number, least: number): number {
  try {
    writeZeros(file, from, wanted);
    return wanted;
  } catch (error) {
    file.truncate(from);
    if (wanted === least) throw error;
  }
  return growFile(file, from, least, least);
}

function writeZeros(file: StorageFile, from: number, to: number): void {
  for (let at = from; at < to; at += ZEROS.length) {
    file.write(ZEROS, 0, Math.min(ZEROS.length, to - at), at);
  }
}

/** Writes the header and the first anchor of a new log into an empty file, durably; the caller gives it its name. */
export function beginLog(storage: Storage, file: StorageFile, header: LogHeader, tx: number, limitBytes: number): Log {
  const bytes = encodeLogHeader(header);
  file.write(bytes, 0, bytes.length, 0);
  const space = new LogSpace(SECTOR_BYTES, limitBytes, SECTOR_BYTES, SECTOR_BYTES);
  const salt = new Uint8Array(SALT_BYTES);
  const log = new Log(storage, file, space, { tx, txCrc: header.metaCrc, crc: header.metaCrc, salt }, tx);
  log.anchorCheckpoint(tx);
  log.sync();
  return log;
}
