/**
 * The locks of a storage that has no system below it. Guarantees: one holder at a time for each file and slot, and a
 * second release never frees a lock that another holder took since.
 */
import { LlmdbError } from "./error.js";
import type { StorageLock } from "./storage.js";

const MAX_SLOT = 255;

/**
 * Checks the number of a lock.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function requireSlot(slot: number): void {
  if (Number.isInteger(slot) && slot >= 0 && slot <= MAX_SLOT) return;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `a lock slot is a whole number from 0 to ${MAX_SLOT}, not ${slot}`);
}

export class LockTable {
  readonly #held = new Set<string>();

  has(identity: string, slot: number): boolean {
    return this.#held.has(keyOf(identity, slot));
  }

  /** Takes the lock of a file and slot; undefined where it is taken. */
  take(identity: string, slot: number): StorageLock | undefined {
    requireSlot(slot);
    const key = keyOf(identity, slot);
    if (this.#held.has(key)) return undefined;
    this.#held.add(key);
    let held = true;
    return {
      release: () => {
        if (held) this.#held.delete(key);
        held = false;
      },
    };
  }
}

function keyOf(identity: string, slot: number): string {
  return `${identity} ${slot}`;
}
