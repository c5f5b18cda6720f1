/** Disks that break a promise of the storage port, so that tests can see whether torture notices. */
import type { StorageFile } from "../../pager/storage.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";

/** What a broken disk does instead of what it should. */
export type Fault = (file: StorageFile, path: string) => Partial<StorageFile>;

/** A disk whose files are changed by a fault. What a crash leaves lies on a disk in order. */
export class BrokenDisk extends SimulatedDisk {
  readonly #fault: Fault;

  constructor(seed: number, fault: Fault) {
    super(seed);
    this.#fault = fault;
  }

  override open(path: string, mode: "read" | "write" | "create"): StorageFile {
    const file = super.open(path, mode);
    return { ...file, ...this.#fault(file, path) };
  }
}

/** A disk that forgets to make names durable. */
export class NamelessDisk extends SimulatedDisk {
  override syncDirectory(): void {}
}

/** Neither kind of sync does anything. */
export const neverSyncs: Fault = () => ({ sync: () => {}, syncAsync: async () => {} });

/** An asynchronous sync is said to be over when it begins. */
export const resolvesEarly: Fault = (file) => ({
  syncAsync: async () => {
    file.syncAsync().catch(() => {});
  },
});

/** Every third sync is left out. */
export function skipsSyncs(): Fault {
  let syncs = 0;
  return (file) => ({
    sync: () => {
      if (++syncs % 3 !== 0) file.sync();
    },
    syncAsync: async () => {
      if (++syncs % 3 !== 0) await file.syncAsync();
    },
  });
}

/** A sync is put off until something has been written after it, as a disk does that reorders. */
export const syncsLate: Fault = (file) => {
  let owed = false;
  const settle = (): void => {
    if (owed) file.sync();
    owed = false;
  };
  return {
    write: (buffer, offset, length, position) => {
      file.write(buffer, offset, length, position);
      settle();
    },
    sync: () => {
      owed = true;
    },
    syncAsync: async () => {
      owed = true;
    },
    close: () => {
      settle();
      file.close();
    },
  };
};

/** Reads of more than a sector find zeros in the last one. */
export const losesTails: Fault = (file) => ({
  write: (buffer, offset, length, position) => {
    if (length <= 4096) return file.write(buffer, offset, length, position);
    const bytes = new Uint8Array(buffer.subarray(offset, offset + length)).fill(0, length - 512);
    file.write(bytes, 0, length, position);
  },
});
