/**
 * Reading back what an {@link OperationBuffer} wrote. Guarantees: bytes that are no operations are an error, never read
 * past their end; keys and values are views of the input.
 */
import { type BoundFields, decodeFields, FIELDS_BYTES, NO_BOUNDS } from "../btree/bounds.js";
import { LlmdbError } from "../pager/error.js";
import { AGAIN, CLEAR, DELETE, DROP, ERASE, HAS_FIELDS, HAS_LOWER, HAS_UPPER, MAP, PUT } from "./operation-buffer.js";

/** Takes operations, in order. */
export interface OperationTarget {
  /**
   * The operations that follow are on this map, which keeps these bounds. `format` is 0 where the transaction did not
   * know it.
   */
  map(name: string, format: number, bounds: BoundFields): void;
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  clear(lower: Uint8Array | null, upper: Uint8Array | null): void;
  drop(): void;
  /** What was removed up to here is to be overwritten. */
  erase(): void;
}

/**
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function readOperations(bytes: Uint8Array, target: OperationTarget): void {
  const reader = new OperationReader(bytes);
  while (!reader.atEnd) reader.next(target);
}

class OperationReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  readonly #maps: { name: string; format: number; bounds: BoundFields }[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  next(target: OperationTarget): void {
    switch (this.#u8()) {
      case MAP: {
        const format = this.#u8();
        const name = new TextDecoder().decode(this.#take(this.#u16()));
        const bounds = (format & HAS_FIELDS) === 0 ? NO_BOUNDS : this.#fields();
        this.#maps.push({ name, format: format & ~HAS_FIELDS, bounds });
        target.map(name, format & ~HAS_FIELDS, bounds);
        break;
      }
      case AGAIN: {
        const index = this.#u8();
        if (index >= this.#maps.length) throw damaged();
        const { name, format, bounds } = this.#maps[index];
        target.map(name, format, bounds);
        break;
      }
      case PUT: {
        const keyLength = this.#u16();
        const valueLength = this.#u16() + this.#u16() * 65536;
        target.put(this.#take(keyLength), this.#take(valueLength));
        break;
      }
      case DELETE:
        target.delete(this.#take(this.#u16()));
        break;
      case CLEAR: {
        const bounds = this.#u8();
        const lowerLength = this.#u16();
        const upperLength = this.#u16();
        const lower = this.#take(lowerLength);
        const upper = this.#take(upperLength);
        target.clear((bounds & HAS_LOWER) === 0 ? null : lower, (bounds & HAS_UPPER) === 0 ? null : upper);
        break;
      }
      case DROP:
        target.drop();
        break;
      case ERASE:
        target.erase();
        break;
      default:
        throw damaged();
    }
  }

  #fields(): BoundFields {
    const bounds = decodeFields(this.#take(FIELDS_BYTES), 0);
    if (bounds === undefined || bounds.length === 0) throw damaged();
    return bounds;
  }

  #u8(): number {
    if (this.#at >= this.#bytes.length) throw damaged();
    return this.#bytes[this.#at++];
  }

  #u16(): number {
    return this.#u8() + this.#u8() * 256;
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw damaged();
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

function damaged(): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", "a record of the log holds no operations; restore a backup");
}
