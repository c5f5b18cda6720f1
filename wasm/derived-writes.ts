/**
 * What a hook adds to its transaction, before it is made. Guarantees: a hook that reads sees what it derived itself in
 * earlier batches of the same transaction, so that where a batch ends makes no difference to one that counts.
 */
import type { AttachmentFact } from "../catalog/module-catalog.js";
import { type DerivedWrite, readWrites } from "./hook-records.js";

/** The maps of an attachment by their numbers: its own, those that it writes, those that it reads. */
export function mapNumbered({ map, writes, reads }: AttachmentFact, number: number): string | undefined {
  return [map, ...writes, ...reads][number];
}

export class DerivedWrites {
  /** In the order in which they are to be made. */
  readonly list: DerivedWrite[] = [];
  readonly #hook: AttachmentFact;
  /** The newest of each key, by map and key; made when it is first asked for. */
  readonly #newest = new Map<string, DerivedWrite>();
  #indexed = 0;

  constructor(hook: AttachmentFact) {
    this.#hook = hook;
  }

  clear(): void {
    this.list.length = 0;
    this.#newest.clear();
    this.#indexed = 0;
  }

  /** Takes what a batch gave back. Throws `LLMDB_WASM_TRAP`. */
  take(u8: Uint8Array, at: number, bytes: number): void {
    // Too many to be arguments of one push.
    for (const write of readWrites(u8, at, bytes)) this.list.push(write);
  }

  /** The value that a key will have, null where it is taken out; undefined where nothing is derived for it. */
  valueOf(map: string, key: Uint8Array): Uint8Array | null | undefined {
    const { list } = this;
    for (; this.#indexed < list.length; this.#indexed++) {
      const write = list[this.#indexed];
      const of = mapNumbered(this.#hook, write.map);
      if (of !== undefined) this.#newest.set(nameOf(of, write.key.subarray(0, write.keyLength)), write);
    }
    return this.#newest.size === 0 ? undefined : this.#newest.get(nameOf(map, key))?.value;
  }
}

function nameOf(map: string, key: Uint8Array): string {
  return `${map.length} ${map}${Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1")}`;
}
