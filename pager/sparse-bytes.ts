/**
 * The contents of a file in memory: bytes in fixed blocks. Guarantees: there is no limit at 2 or 4 GiB, holes take no
 * memory and read as zeros, a read within one block is one copy, and a fork shares all blocks until one side writes.
 */

const ZEROS = Buffer.alloc(64 * 1024);

/** Thrown where there is no memory left for a block; the bytes are as they were. */
export class OutOfMemory extends Error {
  constructor(cause: unknown) {
    super("there is no memory left for a block", { cause });
  }
}

/** Whether these bytes are all zero. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += ZEROS.length) {
    const stop = Math.min(end, at + ZEROS.length);
    // Of parts, not with ranges: runtimes differ in what length they check ranges against.
    if (bytes[at] !== 0 || Buffer.compare(bytes.subarray(at, stop), ZEROS.subarray(0, stop - at)) !== 0) return false;
  }
  return true;
}

/** Growable, sparse, copy-on-write bytes. */
export class SparseBytes {
  readonly #blockBytes: number;
  readonly #blocks: Map<number, Buffer>;
  /** The blocks that a fork may hold as well: copied before they are changed. */
  #shared: Set<number> | undefined;
  #size: number;

  /** @param blockBytes - Small blocks make forks cheap to write to, large ones make few allocations. */
  constructor(blockBytes: number, blocks: Map<number, Buffer> = new Map(), size = 0) {
    this.#blockBytes = blockBytes;
    this.#blocks = blocks;
    this.#size = size;
    if (blocks.size > 0) this.#shared = new Set(blocks.keys());
  }

  /** The length now. */
  get size(): number {
    return this.#size;
  }

  /** Copies up to `length` bytes at `position` into `buffer` at `offset`; returns how many there were. */
  read(buffer: Uint8Array, offset: number, length: number, position: number): number {
    const end = Math.min(position + length, this.#size);
    let at = position;
    while (at < end) {
      const index = Math.floor(at / this.#blockBytes);
      const start = at - index * this.#blockBytes;
      const count = Math.min(this.#blockBytes - start, end - at);
      const target = offset + (at - position);
      const block = this.#blocks.get(index);
      if (block === undefined) buffer.fill(0, target, target + count);
      else block.copy(buffer, target, start, start + count);
      at += count;
    }
    return Math.max(0, end - position);
  }

  /**
   * Every block with a byte that is not zero, in order, with its position. They are not copies. A block that a fork may
   * hold as well never changes: a write makes a copy of it first.
   */
  *blocks(): Generator<[position: number, block: Buffer, isShared: boolean]> {
    const count = Math.ceil(this.#size / this.#blockBytes);
    for (let index = 0; index < count; index++) {
      const block = this.#blocks.get(index);
      if (block === undefined || isZero(block, 0, block.length)) continue;
      yield [index * this.#blockBytes, block, this.#shared?.has(index) === true];
    }
  }

  /** Copies `length` bytes of `buffer` from `offset` to `position`, growing if need be. Zeros leave a hole a hole. */
  write(buffer: Uint8Array, offset: number, length: number, position: number): void {
    const end = position + length;
    let at = position;
    while (at < end) {
      const index = Math.floor(at / this.#blockBytes);
      const start = at - index * this.#blockBytes;
      const count = Math.min(this.#blockBytes - start, end - at);
      const source = offset + (at - position);
      if (this.#blocks.has(index) || !isZero(buffer, source, source + count)) {
        this.#writable(index).set(buffer.subarray(source, source + count), start);
      }
      at += count;
    }
    if (length > 0) this.#size = Math.max(this.#size, end);
  }

  /** Sets the length; what is new reads as zeros. */
  truncate(size: number): void {
    if (size < this.#size) {
      const kept = Math.ceil(size / this.#blockBytes);
      for (const index of this.#blocks.keys()) {
        if (index < kept) continue;
        this.#blocks.delete(index);
        this.#shared?.delete(index);
      }
      // What is after the end must be zero, for when the file grows again.
      if (this.#blocks.has(kept - 1)) this.#writable(kept - 1).fill(0, size - (kept - 1) * this.#blockBytes);
    }
    this.#size = size;
  }

  /** A copy that can change by itself. Costs a reference per block; a block is copied when one side writes to it. */
  fork(): SparseBytes {
    if (this.#blocks.size > 0) this.#shared = new Set(this.#blocks.keys());
    return new SparseBytes(this.#blockBytes, new Map(this.#blocks), this.#size);
  }

  #writable(index: number): Buffer {
    let block = this.#blocks.get(index);
    if (block !== undefined && this.#shared?.has(index) !== true) return block;
    block = newBlock(this.#blockBytes, block);
    this.#shared?.delete(index);
    this.#blocks.set(index, block);
    return block;
  }
}

/** A block of zeros, or a copy. */
function newBlock(bytes: number, from: Buffer | undefined): Buffer {
  try {
    return from === undefined ? Buffer.alloc(bytes) : Buffer.from(from);
  } catch (cause) {
    throw isFailedAllocation(cause) ? new OutOfMemory(cause) : cause;
  }
}

/** Told by the message alone: a wrong length and a full call stack are RangeErrors, too. */
function isFailedAllocation(cause: unknown): boolean {
  return cause instanceof Error && /\b(allocation failed|failed to allocate|out of memory)\b/i.test(cause.message);
}
