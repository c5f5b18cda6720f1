/**
 * What `tx_hook` is handed and what it gives back, byte by byte; `docs/wasm-modules.md` has the diagrams. Guarantees: a
 * derived write that is malformed is an error, and none of them is made.
 */
import { paddedCopy } from "../btree/key-bytes.js";
import type { Change } from "../engine/change-capture.js";
import { LlmdbError } from "../pager/error.js";
import type { Records } from "./single-call.js";

const CHANGE_HEAD_BYTES = 40;
const WRITE_HEAD_BYTES = 16;
const NONE = 0xffffffff;
const INSERT = 1;
const REPLACE = 2;
const DELETE = 3;
const PUT_WRITE = 1;
const DELETE_WRITE = 2;

/** What a hook adds to its transaction. */
export interface DerivedWrite {
  /** The number of the map: 0 is the one that the hook is attached to. */
  readonly map: number;
  /** Padded. */
  readonly key: Uint8Array;
  readonly keyLength: number;
  /** Null: the key is taken out. */
  readonly value: Uint8Array | null;
}

/** The changes of one map. */
export class ChangeRecords implements Records {
  readonly #changes: readonly Change[];

  constructor(changes: readonly Change[]) {
    this.#changes = changes;
  }

  get count(): number {
    return this.#changes.length;
  }

  bytesOf(index: number): number {
    const { key, old, value } = this.#changes[index];
    return padded(CHANGE_HEAD_BYTES + key.length + (old?.length ?? 0) + (value?.length ?? 0));
  }

  write(index: number, u8: Uint8Array, u32: Uint32Array, at: number): void {
    const { key, old, value } = this.#changes[index];
    const word = at >>> 2;
    const operation = old === null ? INSERT : value === null ? DELETE : REPLACE;
    u32[word] = this.bytesOf(index);
    u32[word + 1] = operation;
    u32[word + 2] = key.length;
    u32[word + 3] = old?.length ?? NONE;
    u32[word + 4] = value?.length ?? NONE;
    let to = at + CHANGE_HEAD_BYTES;
    u8.set(key, to);
    to += key.length;
    if (old !== null) u8.set(old, to);
    to += old?.length ?? 0;
    if (value !== null) u8.set(value, to);
  }
}

/**
 * The writes that a hook gave back.
 *
 * @throws LlmdbError `LLMDB_WASM_TRAP`
 */
export function readWrites(u8: Uint8Array, at: number, bytes: number): DerivedWrite[] {
  const view = new DataView(u8.buffer, u8.byteOffset + at, bytes);
  const writes: DerivedWrite[] = [];
  for (let from = 0; from < bytes; ) {
    if (bytes - from < WRITE_HEAD_BYTES) throw malformed(`${bytes - from} bytes are left after the last one`);
    const length = view.getUint32(from, true);
    const operation = view.getUint16(from + 4, true);
    const map = view.getUint16(from + 6, true);
    const keyLength = view.getUint32(from + 8, true);
    const valueLength = view.getUint32(from + 12, true);
    const used = WRITE_HEAD_BYTES + keyLength + valueLength;
    if (length !== padded(used) || length > bytes - from) throw malformed(`one says that it has ${length} bytes`);
    if (operation !== PUT_WRITE && operation !== DELETE_WRITE) throw malformed(`one has the operation ${operation}`);
    const keyAt = at + from + WRITE_HEAD_BYTES;
    const key = paddedCopy(u8.subarray(keyAt, keyAt + keyLength), keyLength);
    const value = operation === PUT_WRITE ? u8.slice(keyAt + keyLength, keyAt + keyLength + valueLength) : null;
    writes.push({ map, key, keyLength, value });
    from += length;
  }
  return writes;
}

/** Records begin at multiples of 8. */
export function padded(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function malformed(what: string): LlmdbError {
  return new LlmdbError("LLMDB_WASM_TRAP", `the module failed: its derived writes are malformed: ${what}`, { what });
}
