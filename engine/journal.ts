/**
 * The log as the engine uses it: which commits go into it, where it begins and ends. Guarantees:
 * - The commits in the log have no gaps: after one that is not in it, none is until a checkpoint holds that one.
 * - A log file appears complete or not at all; it is removed only after a meta page that needs no log is durable.
 */
import { isDiskFull } from "../pager/error.js";
import { type Meta, metaCrc } from "../pager/meta.js";
import type { Storage } from "../pager/storage.js";
import { beginLog, type Log } from "../wal/log.js";
import type { OperationBuffer } from "../wal/operation-buffer.js";
import type { CheckpointedLog } from "./checkpointer.js";
import type { CommittedState } from "./committed-state.js";
import { logName, unfinishedName } from "./create.js";
import { Waiters } from "./waiters.js";

/**
 * How often to look whether the log is still there. To look at a file between writes makes the next sync of it slower:
 * at each commit it would cost half of a sync.
 */
const LOOK_MS = 1000;
const NO_ANCHOR = { position: 0, crc: 0 };
/** A log holds two checkpoints' worth of commits, and what comes while the second one runs. */
const LOG_CHECKPOINTS = 3;
const LEAST_LOG_BYTES = 256 * 1024;
const MAX_RECORD_BYTES = 16 * 1024 * 1024;
/** A commit from here on skips the log where its pages are not much more than its record. */
const LARGE_RECORD_BYTES = 1024 * 1024;

/** A transaction that is about to be visible. */
export interface Commit {
  readonly operations: OperationBuffer;
  readonly tx: number;
  readonly micros: number;
  /** Its promise resolves after a sync that has not begun. */
  readonly isDeferred: boolean;
  /** Bytes of all pages that a checkpoint would have to write. */
  readonly dirtyBytes: number;
}

export class Journal implements CheckpointedLog {
  readonly checkpointBytes: number;
  /** Those who wait for commits to be durable. */
  readonly waiters = new Waiters();
  readonly #state: CommittedState;
  readonly #storage: Storage;
  readonly #path: string;
  readonly #isVolatile: boolean;
  #log: Log | null = null;
  /** The log ends with the checkpoint that runs, or that has to come. */
  #ending = false;
  #endsForGood = false;
  #isRetired = false;
  /** Between the anchor of a checkpoint and its end. */
  #isCheckpointing = false;
  /** When it was last seen that the file is still there. */
  #lookedMs = Number.NEGATIVE_INFINITY;

  /** @param isVolatile there is never a log */
  constructor(state: CommittedState, path: string, checkpointBytes: number, isVolatile: boolean) {
    this.#state = state;
    this.#storage = state.storage;
    this.#path = path;
    this.checkpointBytes = checkpointBytes;
    this.#isVolatile = isVolatile;
  }

  /** The most bytes of operations that one commit in the log may have. */
  get maxOperationBytes(): number {
    return Math.min(MAX_RECORD_BYTES, Math.max(LEAST_LOG_BYTES, this.checkpointBytes) / 2);
  }

  get limitBytes(): number {
    return Math.max(LEAST_LOG_BYTES, this.checkpointBytes) * LOG_CHECKPOINTS;
  }

  get isOpen(): boolean {
    return this.#log !== null && !this.#ending;
  }

  get mayRepeat(): boolean {
    return this.#isVolatile || !this.#isRetired;
  }

  get log(): Log | null {
    return this.#log;
  }

  /** Takes over a log that was found at open. With `ending`, it takes no more commits. */
  adopt(log: Log, ending: boolean): void {
    this.#log = log;
    this.#ending = ending;
    this.#endsForGood = ending;
  }

  /** True where the log has grown so far that a checkpoint is due. */
  get isDue(): boolean {
    return this.#ending || (this.#log !== null && this.#log.bytesSinceAnchor >= this.checkpointBytes);
  }

  /** True where the log takes nothing more before a checkpoint is done. */
  get isFull(): boolean {
    if (this.#log === null) return false;
    const { usedBytes, limitBytes } = this.#log.space;
    return usedBytes * LOG_CHECKPOINTS > limitBytes * (LOG_CHECKPOINTS - 0.5);
  }

  /**
   * Writes a commit into the log, if it goes there; false where only a checkpoint can make it durable.
   *
   * @throws LlmdbError `LLMDB_IO`: the record may be there or not
   */
  append(commit: Commit): boolean {
    const { operations } = commit;
    if (operations.overflowed || this.#ending) return false;
    if (operations.length >= LARGE_RECORD_BYTES && commit.dirtyBytes <= 2 * operations.length) return false;
    try {
      if (this.#state.checkpoint.tx === commit.tx - 1) this.#log ??= this.#create();
      if (this.#log === null || this.#log.writtenTx !== commit.tx - 1 || this.#isGone(this.#log)) return false;
      return this.#log.append(operations, commit.tx, commit.micros, commit.isDeferred);
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw error;
    }
  }

  /** Whether somebody removed the log, or put another file in its place: then checkpoints go on without it. */
  #isGone(log: Log): boolean {
    const nowMs = this.#storage.now();
    if (Math.abs(nowMs - this.#lookedMs) < LOOK_MS) return false;
    this.#lookedMs = nowMs;
    if (this.#isHere(log)) return false;
    this.end();
    return true;
  }

  #isHere(log: Log): boolean {
    return this.#storage.identify(logName(this.#path)) === log.identity;
  }

  /** Makes a log that follows the newest checkpoint, unless the next one is on its way. */
  #create(): Log | null {
    if (this.#isCheckpointing || this.#isVolatile || this.#isRetired) return null;
    const meta = this.#state.checkpoint;
    const name = logName(this.#path);
    const unfinished = unfinishedName(name);
    this.#storage.unlink(unfinished);
    const file = this.#storage.open(unfinished, "create", this.#path);
    try {
      const header = { id: meta.id, checkpoint: meta.checkpoint, metaCrc: metaCrc(meta) };
      const log = beginLog(this.#storage, file, header, meta.tx, this.limitBytes);
      // The name of the database first, in case its creation was cut short: a log alone is refused.
      this.#storage.syncDirectory(name);
      this.#storage.rename(unfinished, name);
      this.#storage.syncDirectory(name);
      return log;
    } catch (error) {
      file.close();
      this.#storage.unlink(unfinished);
      throw error;
    }
  }

  /** The newest transaction that a power cut cannot take. */
  get durableTx(): number {
    return Math.max(this.#state.checkpoint.tx, this.#log?.syncedTx ?? 0);
  }

  /** Resolves the promises of those whose commits are durable by now. */
  wake(): void {
    this.waiters.wake(this.durableTx);
  }

  /** As `end`, and there will be no other log. */
  retire(): void {
    this.#isRetired = true;
    this.end();
  }

  /** The next checkpoint is the last that this log is needed for. */
  end(): void {
    this.#ending = this.#log !== null;
    this.#endsForGood = this.#ending;
  }

  anchor(tx: number): { position: number; crc: number } {
    const anchor = this.#ending ? NO_ANCHOR : this.#anchor(tx);
    this.#isCheckpointing = true;
    return anchor;
  }

  #anchor(tx: number): { position: number; crc: number } {
    let anchor: { position: number; crc: number } | undefined;
    try {
      // A log beside the file tells the next open that the database was not closed, also where it holds no commit.
      this.#log ??= this.#create();
      anchor = this.#log?.anchorCheckpoint(tx);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    this.#ending = anchor === undefined && this.#log !== null;
    return anchor ?? NO_ANCHOR;
  }

  sync(): void {
    this.#log?.sync();
  }

  async syncAsync(): Promise<void> {
    await this.#log?.syncAsync();
  }

  eraseUnused(): void {
    this.#log?.eraseUnused();
  }

  checkpointed(newest: Meta, older: Meta): void {
    this.#isCheckpointing = false;
    const log = this.#log;
    if (log !== null) {
      log.checkpointed(newest.tx);
      if (newest.log.position === 0) this.#remove(log);
      else if (older.log.position !== 0) log.space.release(older.log.position);
    }
    this.wake();
  }

  abandoned(): void {
    this.#isCheckpointing = false;
    this.#ending = this.#endsForGood;
  }

  /** Removes the log file; if that is lost in a crash, the next open sees that nothing needs it. */
  #remove(log: Log): void {
    this.#log = null;
    this.#lookedMs = Number.NEGATIVE_INFINITY;
    this.#ending = false;
    this.#endsForGood = false;
    const isHere = this.#isHere(log);
    log.file.close();
    if (isHere) this.#storage.unlink(logName(this.#path));
  }

  close(): void {
    this.#log?.file.close();
  }
}
