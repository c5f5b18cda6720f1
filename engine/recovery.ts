/**
 * What opening does with a log that it finds. Guarantees:
 * - A log is used only where it goes on from the checkpoint that the database file is at; a log of another database, of
 *   an older or of a newer copy is refused, never passed over.
 * - No tree is walked: the commits that follow the checkpoint are done again, and nothing else.
 * - Before an open that may write returns, everything that it shows is durable, also where an earlier process saw a
 *   sync fail: what is not known to be durable is stated again elsewhere, and nothing durable is overwritten.
 * - A crash in the middle leaves what was there before; doing it again leads to the same state.
 */
import { isDiskFull, LlmdbError } from "../pager/error.js";
import { type FoundMeta, type Meta, metaCrc } from "../pager/meta.js";
import type { Storage, StorageFile } from "../pager/storage.js";
import { type Anchor, Log } from "../wal/log.js";
import { LogChain } from "../wal/log-chain.js";
import { decodeLogHeader, SECTOR_BYTES } from "../wal/log-header.js";
import { alignSector, LogSpace } from "../wal/log-space.js";
import { logName, removeLeftover } from "./create.js";
import type { Engine } from "./engine.js";
import type { Recovered, RecoveryStep } from "./recovered.js";

/** A log that goes on from the checkpoint. */
interface FoundLog {
  readonly file: StorageFile;
  readonly chain: LogChain;
}

/** More than this is not stated again: a checkpoint takes its place. */
const MAX_RESTATED_BYTES = 64 * 1024 * 1024;

export class Recovery {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #file: StorageFile;
  readonly #found: FoundMeta;
  readonly #steps = new Set<RecoveryStep>();
  #replayed = 0;
  #cutBytes = 0;

  /** @param file the database file; @param path where it is, with symbolic links followed */
  constructor(storage: Storage, path: string, file: StorageFile, found: FoundMeta) {
    this.#storage = storage;
    this.#path = path;
    this.#file = file;
    this.#found = found;
    if (found.damaged) this.#steps.add("older-meta");
  }

  get recovered(): Recovered {
    return {
      replayed: this.#replayed,
      cutBytes: this.#cutBytes,
      olderMeta: this.#steps.has("older-meta"),
      logMissing: this.#steps.has("log-missing"),
      steps: [...this.#steps],
    };
  }

  /**
   * Brings a handle that may write up to the newest commit, and makes that durable.
   *
   * @throws LlmdbError `LLMDB_CORRUPT`, `LLMDB_NOT_FOUND`, `LLMDB_FORMAT_VERSION`, `LLMDB_IO`
   */
  recover(engine: Engine): void {
    if (removeLeftover(this.#storage, this.#path)) this.#steps.add("unfinished-removed");
    if (removeLeftover(this.#storage, logName(this.#path))) this.#steps.add("unfinished-removed");
    const log = this.#find("write");
    if (log === undefined) {
      if (this.#storage.kind(logName(this.#path)) !== "missing") this.#removeStale(engine);
      // What a killed process left unsynced is made durable, before anything is built on it.
      else this.#file.sync();
      return;
    }
    try {
      this.#replay(engine, log.chain);
      this.#confirmMeta(engine, log.chain.anchor);
      // An earlier process may have been killed after it had named the log, and before that was durable.
      this.#storage.syncDirectory(logName(this.#path));
      this.#resume(engine, log);
    } catch (error) {
      log.file.close();
      throw error;
    }
  }

  /** Brings a handle that only reads up to the newest commit, in memory. Returns the log, to read on from. */
  follow(engine: Engine): FoundLog | undefined {
    const log = this.#find("read");
    if (log !== undefined) this.#replay(engine, log.chain);
    return log;
  }

  /** The log that goes on from the newest meta page; undefined for one that is left from before a clean close. */
  #find(mode: "read" | "write"): FoundLog | undefined {
    const { meta } = this.#found;
    const name = logName(this.#path);
    if (this.#storage.kind(name) === "missing") {
      if (meta.log.position > 0) this.#noteMissing();
      return undefined;
    }
    const file = this.#storage.open(name, mode);
    try {
      const chain = this.#chainIn(file, name);
      if (chain !== undefined) return { file, chain: this.#checked(chain) };
      file.close();
    } catch (error) {
      file.close();
      throw error;
    }
    return undefined;
  }

  /** Removes a log that is left from before a clean close. */
  #removeStale(engine: Engine): void {
    this.#confirmMeta(engine, { position: 0, crc: 0 });
    this.#storage.unlink(logName(this.#path));
    this.#steps.add("stale-log-removed");
  }

  /** The log was removed, or the database copied without it. Under another name of the file it may still be there. */
  #noteMissing(): void {
    if (this.#file.links() > 1) {
      throw new LlmdbError(
        "LLMDB_NOT_FOUND",
        `${this.#path} was not closed, and its log is not next to it; the file has other names: open it under the ` +
          "one that it was last written under",
        { path: this.#path },
      );
    }
    this.#steps.add("log-missing");
  }

  /** The commits that follow the newest meta page; undefined where that needs no log and this one is older. */
  #chainIn(file: StorageFile, name: string): LogChain | undefined {
    const { meta } = this.#found;
    const sector = new Uint8Array(SECTOR_BYTES);
    const length = file.read(sector, 0, SECTOR_BYTES, 0);
    const header = decodeLogHeader(sector.subarray(0, length), name);
    if (!header.id.every((byte, i) => byte === meta.id[i])) {
      throw refused(`${name} is the log of another database; move it away, or put the right one there`, name);
    }
    if (meta.log.position > 0) return LogChain.read(file, name, meta.log);
    if (header.checkpoint < meta.checkpoint) return undefined;
    const first = LogChain.findFirst(file, name, meta.tx, metaCrc(meta));
    const fits = header.checkpoint === meta.checkpoint && header.metaCrc === metaCrc(meta);
    if (fits && first !== undefined) return first.follow();
    throw refused(
      `${name} goes on from a newer or another state than ${this.#path} is in: one of the two is an older copy, or a ` +
        "meta page is damaged; restore both from one backup, or move the log away to open the database as of its " +
        "last checkpoint",
      name,
    );
  }

  /** Where acknowledged commits are missing in the middle, that is damage, unless the newest meta page is. */
  #checked(chain: LogChain): LogChain {
    if (chain.endsAtGap) {
      if (!this.#found.damaged) throw chain.damaged();
      this.#steps.add("log-ends-at-gap");
    }
    if (chain.wrapped) this.#steps.add("wrapped");
    if (chain.usedRestated) this.#steps.add("restated-used");
    if (chain.cutBytes > 0) this.#steps.add("tail-cut");
    this.#cutBytes = chain.cutBytes;
    return chain;
  }

  #replay(engine: Engine, chain: LogChain): void {
    if (chain.commits.length === 0) return;
    engine.replay(chain.commits);
    this.#replayed = chain.commits.length;
    this.#steps.add("replayed");
  }

  /**
   * Writes what the newest meta page says as one more and syncs it: an earlier process may have seen that sync fail,
   * and then reads show what is not on the disk. It takes the place of the oldest, so that the newest and the one
   * before stay as they are. Where there is no log, the last process closed the database, and its last sync did not
   * fail.
   */
  #confirmMeta(engine: Engine, log: Anchor): void {
    const { meta } = this.#found;
    const confirmed = { ...meta, checkpoint: meta.checkpoint + 1, log };
    // What a killed process left unsynced may be the newest meta page: no two may be torn at once.
    this.#file.sync();
    engine.state.store.data.writeMeta(confirmed);
    this.#file.sync();
    engine.state.checkpoint = confirmed;
  }

  /** Goes on with the log under a new salt, and makes durable what may not be. */
  #resume(engine: Engine, { file, chain }: FoundLog): void {
    const { journal } = engine;
    const head = alignSector(chain.endPosition);
    const space = new LogSpace(alignSector(file.size()), journal.limitBytes, this.#tail(file), head);
    const durableTx = Math.min(chain.durableTx, chain.tx);
    const log = new Log(this.#storage, file, space, chain.end, durableTx);
    // Commits that are given up here would be taken for damage by the next open.
    if (chain.endsAtGap) log.eraseUnused();
    const resumed = this.#restate(log, chain, durableTx);
    log.sync();
    journal.adopt(log, !resumed);
    if (!resumed) engine.checkpointer.run();
  }

  /** False where there is no room: then a checkpoint has to hold what is not known to be durable. */
  #restate(log: Log, chain: LogChain, durableTx: number): boolean {
    const restated = chain.commits.slice(durableTx - chain.baseTx).map(({ bytes }) => bytes);
    if (restated.reduce((sum, { length }) => sum + length, 0) > MAX_RESTATED_BYTES) return false;
    if (restated.length > 0) this.#steps.add("restated");
    const content = {
      tx: durableTx,
      txCrc: chain.crcOf(durableTx),
      parentSalt: chain.saltOf(durableTx),
      restated,
    };
    try {
      return log.anchor(content) !== undefined;
    } catch (error) {
      if (isDiskFull(error)) return false;
      throw error;
    }
  }

  /** What the older meta page needs of the log starts there; without one, what the newest does. */
  #tail(file: StorageFile): number {
    const { meta, older } = this.#found;
    const name = logName(this.#path);
    // Without an anchor, it needs the log from its start.
    if (older?.log.position === 0) return SECTOR_BYTES;
    for (const one of [older, meta]) {
      if (one !== undefined && this.#isAnchored(one, file, name)) return one.log.position;
    }
    return SECTOR_BYTES;
  }

  #isAnchored({ log }: Meta, file: StorageFile, name: string): boolean {
    return log.position > 0 && LogChain.find(file, name, log) !== undefined;
  }
}

function refused(message: string, path: string): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", message, { path });
}
