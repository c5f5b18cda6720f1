/**
 * Bytes that come in pieces, put together. Guarantees: what is written is copied; there is a limit, so that what a
 * module gives out cannot fill the memory.
 */
import { copyBytes } from "../pager/bytes.js";
import { LlmdbError } from "../pager/error.js";

/** What one part of a call may give out. */
const MAX_BYTES = 256 * 1024 * 1024;
const FIRST_BYTES = 4096;
/** Fewer are copied one by one. */
const FEW_BYTES = 64;

export class ByteSink {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #length = 0;

  /** @throws LlmdbError `LLMDB_WASM_MEMORY` */
  write(from: Uint8Array, at: number, length: number): void {
    if (this.#length + length > this.#bytes.length) this.#grow(length);
    if (length <= FEW_BYTES) copyBytes(from, at, this.#bytes, this.#length, length);
    else this.#bytes.set(from.subarray(at, at + length), this.#length);
    this.#length += length;
  }

  /** All of it; the sink is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #grow(by: number): void {
    if (this.#length + by > MAX_BYTES) {
      throw new LlmdbError(
        "LLMDB_WASM_MEMORY",
        `the module gives out more than ${MAX_BYTES} bytes at a time; ask for a smaller range, or let it give out less`,
      );
    }
    const grown = new Uint8Array(Math.min(MAX_BYTES, Math.max(this.#bytes.length * 2, this.#length + by)));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}
