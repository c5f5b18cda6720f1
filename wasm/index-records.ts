/**
 * What `custom_index` is handed and what it gives back, byte by byte; `docs/wasm-modules.md` has the diagrams.
 * Guarantees: the keys of a record come out sorted, each once; what is no key is an error.
 */
import { decodeKey, encodeKey, type Key, KeyBuffer } from "../engine/key.js";
import type { StoredRecord } from "../engine/stored-records.js";
import { LlmdbError } from "../pager/error.js";
import { padded } from "./hook-records.js";
import type { Records } from "./single-call.js";

const RECORD_HEAD_BYTES = 16;
const KEY_HEAD_BYTES = 16;

export class IndexedRecords implements Records {
  readonly #records: readonly StoredRecord[];

  constructor(records: readonly StoredRecord[]) {
    this.#records = records;
  }

  get count(): number {
    return this.#records.length;
  }

  bytesOf(index: number): number {
    const { key, value } = this.#records[index];
    return padded(RECORD_HEAD_BYTES + key.length + value.length);
  }

  write(index: number, u8: Uint8Array, u32: Uint32Array, at: number): void {
    const { key, value } = this.#records[index];
    const word = at >>> 2;
    u32[word] = this.bytesOf(index);
    u32[word + 2] = key.length;
    u32[word + 3] = value.length;
    u8.set(key, at + RECORD_HEAD_BYTES);
    u8.set(value, at + RECORD_HEAD_BYTES + key.length);
  }
}

interface IndexKey {
  readonly bytes: Uint8Array;
  readonly key: Key;
}

/** The index keys of records, by the number of the record. */
export class IndexKeys {
  readonly #keys: IndexKey[][] = [];
  readonly #again = new KeyBuffer();
  readonly #maxKeyBytes: number;

  constructor(maxKeyBytes: number) {
    this.#maxKeyBytes = maxKeyBytes;
  }

  clear(): void {
    this.#keys.length = 0;
  }

  /** Takes what a batch gave back. Throws `LLMDB_WASM_TRAP`. */
  read(u8: Uint8Array, at: number, bytes: number, firstRecord: number, endRecord: number): void {
    const view = new DataView(u8.buffer, u8.byteOffset + at, bytes);
    for (let from = 0; from < bytes; ) {
      if (bytes - from < KEY_HEAD_BYTES) throw malformed(`${bytes - from} bytes are left after the last one`);
      const length = view.getUint32(from, true);
      const record = view.getUint32(from + 4, true);
      const keyLength = view.getUint32(from + 8, true);
      if (length !== padded(KEY_HEAD_BYTES + keyLength) || length > bytes - from) {
        throw malformed(`one says that it has ${length} bytes`);
      }
      if (firstRecord + record >= endRecord) throw malformed(`one is of record ${record}, which there is not`);
      const keyAt = at + from + KEY_HEAD_BYTES;
      this.#add(firstRecord + record, u8.slice(keyAt, keyAt + keyLength));
      from += length;
    }
  }

  /** The keys of a record, sorted, each once. */
  of(record: number): Key[] {
    const keys = this.#keys[record] ?? [];
    keys.sort((a, b) => Buffer.compare(a.bytes, b.bytes));
    const single = keys.filter(({ bytes }, i) => i === 0 || Buffer.compare(bytes, keys[i - 1].bytes) !== 0);
    return single.map(({ key }) => key);
  }

  #add(record: number, bytes: Uint8Array): void {
    const one = { bytes, key: this.#decode(bytes) };
    const keys = this.#keys[record];
    if (keys === undefined) this.#keys[record] = [one];
    else keys.push(one);
  }

  #decode(bytes: Uint8Array): Key {
    try {
      const key = decodeKey(bytes, 0, bytes.length);
      encodeKey(key, this.#again, this.#maxKeyBytes);
      if (Buffer.compare(bytes, this.#again.bytes.subarray(0, this.#again.length)) === 0) return key;
    } catch (cause) {
      throw malformed("one is not the encoding of a key", cause);
    }
    throw malformed("one is not the encoding of a key");
  }
}

function malformed(what: string, cause?: unknown): LlmdbError {
  return new LlmdbError(
    "LLMDB_WASM_TRAP",
    `the module failed: its index keys are malformed: ${what}; docs/keys.md says how keys are encoded`,
    { what },
    { cause },
  );
}
