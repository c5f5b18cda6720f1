/**
 * A read-only handle: the newest checkpoint and the commits behind it, done again in memory. Guarantees: neither the
 * database nor its log is written; what a state reaches stays on the disk for as long as that state or a snapshot of it
 * is open, because the writer looks into the register of readers before it gives pages up; `refresh` moves on to what
 * is newest, and never back.
 */

import type { Tree } from "../btree/tree.js";
import type { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import { type FoundMeta, type Meta, readNewestMeta } from "../pager/meta.js";
import { OverlayFile } from "../pager/overlay-file.js";
import type { Storage, StorageFile } from "../pager/storage.js";
import type { LogChain } from "../wal/log-chain.js";
import type { Engine } from "./engine.js";
import { ReaderSlot } from "./reader-slots.js";
import type { Recovered } from "./recovered.js";
import { Recovery } from "./recovery.js";

/** A writer may replace what is being read between two calls; then the reader looks again, while that goes on. */
const TRIES = 100;
/** So often also where nothing seems to change. */
const QUIET_TRIES = 4;
const PAUSE_MS = 2;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** A state that is read: a checkpoint and what follows it. */
interface Generation {
  readonly meta: Meta;
  readonly store: PageStore;
  readonly log: { readonly file: StorageFile; readonly chain: LogChain } | undefined;
}

/** Makes what reads a checkpoint. */
export type OpenCheckpoint = (file: StorageFile, meta: Meta) => { store: PageStore; directory: Tree };

export class Follower {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #file: StorageFile;
  readonly #openCheckpoint: OpenCheckpoint;
  readonly #slot: ReaderSlot | undefined;
  #newest: Generation | null = null;
  #older: Generation[] = [];

  constructor(storage: Storage, path: string, file: StorageFile, openCheckpoint: OpenCheckpoint) {
    this.#storage = storage;
    this.#path = path;
    this.#file = file;
    this.#openCheckpoint = openCheckpoint;
    this.#slot = ReaderSlot.take(storage, path, file);
  }

  /** Reads the newest state for the first time. */
  open(makeEngine: (store: PageStore, meta: Meta, directory: Tree) => Engine): {
    engine: Engine;
    recovered: Recovered;
  } {
    return this.#retry((found) => {
      const { store, directory } = this.#openCheckpoint(new OverlayFile(this.#file), found.meta);
      const engine = makeEngine(store, found.meta, directory);
      const recovery = new Recovery(this.#storage, this.#path, this.#file, found);
      const log = recovery.follow(engine);
      this.#newest = { meta: found.meta, store, log };
      this.#slot?.pin([found.meta.tx]);
      return { engine, recovered: recovery.recovered };
    });
  }

  /** Moves the engine on to the newest state. */
  refresh(engine: Engine): void {
    this.#slot?.look();
    this.#retry((found) => {
      const now = this.#newest;
      const sameCheckpoint = now !== null && found.meta.checkpoint === now.meta.checkpoint;
      if (sameCheckpoint && now.log !== undefined) {
        const { chain } = now.log;
        chain.follow();
        engine.replay(chain.commits.slice(engine.state.lastTx - chain.baseTx));
      } else this.#moveOn(engine, found);
    });
    this.#pin(engine);
  }

  #moveOn(engine: Engine, found: FoundMeta): void {
    const { store, directory } = this.#openCheckpoint(new OverlayFile(this.#file), found.meta);
    const { state } = engine;
    const before = state.replace(store, found.meta, directory);
    let log: Generation["log"];
    try {
      log = new Recovery(this.#storage, this.#path, this.#file, found).follow(engine);
      if (state.lastTx < before.lastTx) throw movedBack(this.#path);
    } catch (error) {
      log?.file.close();
      state.restore(before);
      throw error;
    }
    if (this.#newest !== null) this.#older.push(this.#newest);
    this.#newest = { meta: found.meta, store, log };
  }

  /** Lets go what no snapshot sees any more. */
  #pin(engine: Engine): void {
    const used = new Set([...engine.state.views].map(({ snapshot }) => snapshot.store));
    for (const generation of this.#older) if (!used.has(generation.store)) generation.log?.file.close();
    this.#older = this.#older.filter(({ store }) => used.has(store));
    const read = this.#newest === null ? this.#older : [...this.#older, this.#newest];
    this.#slot?.pin(read.map(({ meta }) => meta.tx));
  }

  /** Reads the meta pages and does something with them, again where a writer was faster. */
  #retry<T>(action: (found: FoundMeta) => T): T {
    let quiet = 0;
    for (let tries = 1; ; tries++) {
      const found = readNewestMeta(this.#file, this.#path);
      try {
        return action(found);
      } catch (error) {
        quiet = this.#hasNewer(found) ? 0 : quiet + 1;
        if (tries === TRIES || quiet === QUIET_TRIES || !mayPass(error)) throw error;
        Atomics.wait(sleeper, 0, 0, PAUSE_MS);
      }
    }
  }

  #hasNewer({ meta }: FoundMeta): boolean {
    return readNewestMeta(this.#file, this.#path).meta.checkpoint !== meta.checkpoint;
  }

  close(): void {
    for (const { log } of this.#older) log?.file.close();
    this.#newest?.log?.file.close();
    this.#slot?.release();
    this.#file.close();
  }
}

/** A file that a writer works on looks damaged where one part was read before and another after a change. */
function mayPass(error: unknown): boolean {
  return error instanceof LlmdbError && (error.code === "LLMDB_CORRUPT" || error.code === "LLMDB_NOT_FOUND");
}

function movedBack(path: string): LlmdbError {
  return new LlmdbError(
    "LLMDB_CORRUPT",
    `${path} holds an older state than it did: it was replaced, or lost what was not durable; open it again`,
    { path },
  );
}
