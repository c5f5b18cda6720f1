/**
 * What a durable commit costs at least: bytes written into a file that has its full length already, and a sync.
 * Guarantees: no write changes the length of the file or takes new blocks.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const WRITE_BYTES = 4096;
/** Writes until the file is written over again: with the default size, 16 MiB. */
const WRITES = 4096;
const MOST_BYTES = 64 * 1024 * 1024;
const CHUNK_BYTES = 16 * 1024 * 1024;

export class BareFile {
  #descriptor;
  #bytes;
  #length;
  #position = 0;

  /**
   * @param {string} folder on the disk to measure
   * @param {number} [writeBytes] of one write
   */
  constructor(folder, writeBytes = WRITE_BYTES) {
    this.#bytes = new Uint8Array(writeBytes).fill(1);
    this.#length = writeBytes * Math.max(1, Math.min(WRITES, Math.floor(MOST_BYTES / writeBytes)));
    this.#descriptor = openSync(join(folder, "bare"), "w+");
    const chunk = new Uint8Array(Math.min(CHUNK_BYTES, this.#length)).fill(1);
    for (let at = 0; at < this.#length; ) {
      at += writeSync(this.#descriptor, chunk, 0, Math.min(chunk.length, this.#length - at), at);
    }
    fsyncSync(this.#descriptor);
  }

  /**
   * @param {number} times
   * @param {number[]} sampleNs takes the time of each
   */
  write(times, sampleNs) {
    for (let i = 0; i < times; i++) {
      const start = performance.now();
      this.writeOne(this.#bytes, this.#bytes.length);
      sampleNs.push((performance.now() - start) * 1e6);
    }
  }

  /**
   * Writes and syncs.
   *
   * @param {Uint8Array} bytes
   * @param {number} length of them, at most what one write has
   */
  writeOne(bytes, length) {
    if (this.#position + length > this.#length) this.#position = 0;
    for (let done = 0; done < length; ) {
      done += writeSync(this.#descriptor, bytes, done, length - done, this.#position + done);
    }
    fdatasyncSync(this.#descriptor);
    this.#position += length;
  }

  close() {
    closeSync(this.#descriptor);
  }
}
