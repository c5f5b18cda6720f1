/**
 * A file whose changes stay in memory. Guarantees: the file below is never written, synced or resized; reads show it
 * with the changes on top.
 */
import { LlmdbError } from "./error.js";
import type { StorageFile } from "./storage.js";

const BLOCK_BYTES = 4096;

export class OverlayFile implements StorageFile {
  readonly #base: StorageFile;
  readonly #blocks = new Map<number, Uint8Array>();
  #size: number;

  constructor(base: StorageFile) {
    this.#base = base;
    this.#size = base.size();
  }

  get descriptor(): number | undefined {
    return this.#blocks.size === 0 ? this.#base.descriptor : undefined;
  }

  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    if (this.#blocks.size === 0) return this.#base.read(buffer, offset, length, position);
    const end = Math.min(position + length, Math.max(this.#size, this.#base.size()));
    if (end <= position) return 0;
    const count = end - position;
    const there = this.#base.read(buffer, offset, count, position);
    buffer.fill(0, offset + there, offset + count);
    for (let index = Math.floor(position / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      const block = this.#blocks.get(index);
      if (block === undefined) continue;
      const from = Math.max(position, index * BLOCK_BYTES);
      const to = Math.min(end, (index + 1) * BLOCK_BYTES);
      const start = index * BLOCK_BYTES;
      buffer.set(block.subarray(from - start, to - start), offset + from - position);
    }
    return count;
  }

  write(buffer: Uint8Array, offset: number, length: number, position: number): void {
    const end = position + length;
    for (let index = Math.floor(position / BLOCK_BYTES); index * BLOCK_BYTES < end; index++) {
      const start = index * BLOCK_BYTES;
      const from = Math.max(position, start);
      const to = Math.min(end, start + BLOCK_BYTES);
      const source = offset + from - position;
      this.#block(index).set(buffer.subarray(source, source + to - from), from - start);
    }
    this.#size = Math.max(this.#size, end);
  }

  #block(index: number): Uint8Array {
    let block = this.#blocks.get(index);
    if (block === undefined) {
      block = new Uint8Array(BLOCK_BYTES);
      this.#base.read(block, 0, BLOCK_BYTES, index * BLOCK_BYTES);
      this.#blocks.set(index, block);
    }
    return block;
  }

  sync(): void {}

  async syncAsync(): Promise<void> {}

  truncate(): void {
    throw new LlmdbError("LLMDB_READ_ONLY", "a database that was opened read-only is not resized");
  }

  size(): number {
    return Math.max(this.#size, this.#base.size());
  }

  identity(): string {
    return this.#base.identity();
  }

  links(): number {
    return this.#base.links();
  }

  close(): void {
    this.#base.close();
  }
}
