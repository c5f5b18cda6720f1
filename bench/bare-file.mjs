/**
 * What a durable commit costs at least: 4 KiB written into a file that has its full length already, and a sync.
 * Guarantees: no write changes the length of the file or takes new blocks.
 */
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";

const WRITE_BYTES = 4096;
const FILE_BYTES = 16 * 1024 * 1024;

export class BareFile {
  #descriptor;
  #bytes = new Uint8Array(WRITE_BYTES).fill(1);
  #position = 0;

  /** @param {string} folder on the disk to measure */
  constructor(folder) {
    this.#descriptor = openSync(join(folder, "bare"), "w+");
    const all = new Uint8Array(FILE_BYTES).fill(1);
    for (let at = 0; at < FILE_BYTES; ) at += writeSync(this.#descriptor, all, at, FILE_BYTES - at, at);
    fsyncSync(this.#descriptor);
  }

  /**
   * @param {number} times
   * @param {number[]} sampleNs takes the time of each
   */
  write(times, sampleNs) {
    for (let i = 0; i < times; i++) {
      const start = performance.now();
      writeSync(this.#descriptor, this.#bytes, 0, WRITE_BYTES, this.#position);
      fdatasyncSync(this.#descriptor);
      sampleNs.push((performance.now() - start) * 1e6);
      this.#position = (this.#position + WRITE_BYTES) % FILE_BYTES;
    }
  }

  close() {
    closeSync(this.#descriptor);
  }
}
