/**
 * The register of readers in other processes and threads: a small file beside the database, in which each reader that
 * is open notes the checkpoint whose pages it reads. Guarantees: a slot belongs to whoever holds the kernel's lock of
 * the same number, so that a reader that is killed needs no cleaning; the writer gives no page up that a live slot may
 * reach, also while a reader is only about to look.
 *
 * Slot `n` is the 256 bytes from byte `256 n`: u32 state (0 free, 1 about to look, 2 reading), u32 how many
 * checkpoints, up to 30 of their transactions as u64, u32 zero, u32 CRC-32 of the bytes before.
 */
import { crc32 } from "node:zlib";
import { LlmdbError } from "../pager/error.js";
import { TWO_32 } from "../pager/page.js";
import type { Storage, StorageFile, StorageLock } from "../pager/storage.js";

const SLOT_BYTES = 256;
const MAX_CHECKPOINTS = 30;
const SLOTS = 253;
/** Whoever holds this lock may make the file or remove it. */
const REGISTER_SLOT = 254;
const CRC_AT = 252;
const FREE = 0;
const LOOKING = 1;
const READING = 2;
/** The lock of the register is held for a few calls only. */
const REGISTER_TRIES = 200;
/** Two that see each other in different containers both give up: by chance one of them comes back alone. */
const REGISTER_PAUSE_MS = 10;
/** What a folder answers that takes no new file. */
const UNWRITABLE = new Set(["EROFS", "EACCES", "EPERM", "ENOSPC", "EDQUOT"]);
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** The register of a database. */
export function readersName(path: string): string {
  return `${path}-readers`;
}

interface Slot {
  readonly number: number;
  readonly state: number;
  /** The checkpoints that its reader reads. */
  readonly txs: readonly number[];
}

/** The slot of one open reader. */
export class ReaderSlot {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #database: StorageFile;
  readonly #lock: StorageLock;
  readonly #file: StorageFile;
  readonly #number: number;

  /**
   * Takes a slot, which holds everything until `pin`. Undefined where the folder cannot be written to: on such a medium
   * nobody writes to the database either.
   *
   * @throws LlmdbError `LLMDB_LOCKED` where all slots are taken
   */
  static take(storage: Storage, path: string, database: StorageFile): ReaderSlot | undefined {
    const register = lockRegister(storage, path, database);
    try {
      const file = openRegister(storage, path);
      if (file === undefined) return undefined;
      for (let number = 1; number <= SLOTS; number++) {
        const lock = storage.lock(database, path, number);
        if (lock !== undefined) return new ReaderSlot(storage, path, database, lock, file, number);
      }
      file.close();
      throw new LlmdbError("LLMDB_LOCKED", `${path} has ${SLOTS} readers already; close some of them`, { path });
    } finally {
      register?.release();
    }
  }

  private constructor(
    storage: Storage,
    path: string,
    database: StorageFile,
    lock: StorageLock,
    file: StorageFile,
    number: number,
  ) {
    this.#storage = storage;
    this.#path = path;
    this.#database = database;
    this.#lock = lock;
    this.#file = file;
    this.#number = number;
    this.look();
  }

  /** From here on holds what the checkpoints of these transactions reach, and nothing else. */
  pin(txs: readonly number[]): void {
    if (txs.length > MAX_CHECKPOINTS) this.look();
    else writeSlot(this.#file, this.#number, READING, txs);
  }

  /** Holds everything that is there from now on, before the reader looks for a newer checkpoint. */
  look(): void {
    writeSlot(this.#file, this.#number, LOOKING, []);
  }

  release(): void {
    writeSlot(this.#file, this.#number, FREE, []);
    this.#lock.release();
    this.#file.close();
    removeRegister(this.#storage, this.#path, this.#database);
  }
}

/** What the writer holds for the readers in the register. */
export class ReaderPins {
  readonly #storage: Storage;
  readonly #path: string;
  readonly #database: StorageFile;
  readonly #pinned = new Map<number, readonly number[]>();

  constructor(storage: Storage, path: string, database: StorageFile) {
    this.#storage = storage;
    this.#path = path;
    this.#database = database;
  }

  /** True where a reader is open. */
  get isAny(): boolean {
    return this.#live().length > 0;
  }

  /** Before the pages of a checkpoint are given up: pins what readers hold, unpins what they hold no longer. */
  update(releasedTx: number, pin: (tx: number) => void, unpin: (tx: number) => void): void {
    const before = new Map(this.#pinned);
    this.#pinned.clear();
    for (const { number, state, txs } of this.#live()) {
      const held = state === READING ? txs : [...(before.get(number) ?? []), releasedTx];
      for (const one of held) pin(one);
      this.#pinned.set(number, held);
    }
    for (const held of before.values()) for (const one of held) unpin(one);
  }

  /** The slots whose readers live; those of others are freed. */
  #live(): Slot[] {
    const name = readersName(this.#path);
    if (this.#storage.kind(name) !== "file") return [];
    const file = this.#storage.open(name, "write");
    try {
      const slots = readSlots(file);
      return slots.filter(({ number }) => {
        const lock = this.#storage.lock(this.#database, this.#path, number);
        if (lock === undefined) return true;
        writeSlot(file, number, FREE, []);
        lock.release();
        return false;
      });
    } finally {
      file.close();
    }
  }

  /** Removes the register where nobody is in it. */
  close(): void {
    removeRegister(this.#storage, this.#path, this.#database);
  }
}

/** The register, made where it is missing. */
function openRegister(storage: Storage, path: string): StorageFile | undefined {
  const name = readersName(path);
  try {
    return storage.open(name, storage.kind(name) === "missing" ? "create" : "write", path);
  } catch (error) {
    if (error instanceof LlmdbError && UNWRITABLE.has(String(error.details.errno))) return undefined;
    throw error;
  }
}

function lockRegister(storage: Storage, path: string, database: StorageFile): StorageLock | undefined {
  const chance = new Uint8Array(1);
  for (let i = 0; i < REGISTER_TRIES; i++) {
    const lock = storage.lock(database, path, REGISTER_SLOT);
    if (lock !== undefined) return lock;
    storage.random(chance);
    Atomics.wait(sleeper, 0, 0, 1 + (chance[0] / 256) * REGISTER_PAUSE_MS);
  }
  throw new LlmdbError("LLMDB_LOCKED", `the register of readers of ${path} is busy; try again`, { path });
}

/** Removes the register where nobody is in it; a reader that comes now makes a new one. */
function removeRegister(storage: Storage, path: string, database: StorageFile): void {
  const name = readersName(path);
  if (storage.kind(name) !== "file") return;
  const register = storage.lock(database, path, REGISTER_SLOT);
  if (register === undefined) return;
  try {
    const file = storage.open(name, "read");
    const isEmpty = readSlots(file).length === 0;
    file.close();
    if (isEmpty) storage.unlink(name);
  } finally {
    register.release();
  }
}

/** The slots that are not free. One that is not whole is being written: its reader is about to look. */
function readSlots(file: StorageFile): Slot[] {
  const bytes = new Uint8Array((SLOTS + 1) * SLOT_BYTES);
  const length = file.read(bytes, 0, bytes.length, 0);
  const view = new DataView(bytes.buffer);
  const slots: Slot[] = [];
  for (let number = 1; (number + 1) * SLOT_BYTES <= length; number++) {
    const at = number * SLOT_BYTES;
    const slot = bytes.subarray(at, at + CRC_AT);
    if (slot.every((byte) => byte === 0)) continue;
    const isWhole = view.getUint32(at + CRC_AT, true) === crc32(slot);
    const state = isWhole ? view.getUint32(at, true) : LOOKING;
    const txs: number[] = [];
    const count = Math.min(view.getUint32(at + 4, true), MAX_CHECKPOINTS);
    for (let i = 0; isWhole && i < count; i++) {
      const place = at + 8 + i * 8;
      txs.push(view.getUint32(place, true) + view.getUint32(place + 4, true) * TWO_32);
    }
    if (state !== FREE) slots.push({ number, state, txs });
  }
  return slots;
}

function writeSlot(file: StorageFile, number: number, state: number, txs: readonly number[]): void {
  const bytes = new Uint8Array(SLOT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, state, true);
  view.setUint32(4, txs.length, true);
  for (const [i, tx] of txs.entries()) {
    view.setUint32(8 + i * 8, tx % TWO_32, true);
    view.setUint32(12 + i * 8, Math.floor(tx / TWO_32), true);
  }
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  file.write(bytes, 0, SLOT_BYTES, number * SLOT_BYTES);
}
