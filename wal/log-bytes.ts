/**
 * Reading a log file by position. Guarantees: memory is bounded by a window and by the records that are handed out;
 * what lies behind the end of the file reads as nothing.
 */
import type { StorageFile } from "../pager/storage.js";
import { SECTOR_BYTES } from "./log-header.js";
import { claimedBytes, type LogRecord, RECORD_HEADER_BYTES, readRecord } from "./record.js";

const WINDOW_BYTES = 1024 * 1024;

export class LogBytes {
  readonly #file: StorageFile;
  size: number;
  #window: Uint8Array;
  #start = 0;
  #length = 0;

  constructor(file: StorageFile) {
    this.#file = file;
    this.size = file.size();
    this.#window = new Uint8Array(Math.min(WINDOW_BYTES, this.size));
  }

  /** The record at a position, in memory of its own, or undefined where there is no whole and undamaged one. */
  recordAt(position: number): LogRecord | undefined {
    const header = this.read(position, RECORD_HEADER_BYTES);
    const length = header === undefined ? 0 : claimedBytes(header, 0);
    if (length === 0) return undefined;
    const bytes = this.read(position, length);
    return bytes === undefined ? undefined : readRecord(bytes.slice(), 0);
  }

  /** Bytes that are valid until the next read, or undefined where the file ends before they do. */
  read(position: number, length: number): Uint8Array | undefined {
    if (position + length > this.size) return undefined;
    if (position < this.#start || position + length > this.#start + this.#length) {
      if (length > this.#window.length) return this.#readApart(position, length);
      this.#start = position - (position % SECTOR_BYTES);
      if (position + length > this.#start + this.#window.length) this.#start = position;
      this.#length = this.#file.read(this.#window, 0, this.#window.length, this.#start);
      if (position + length > this.#start + this.#length) return undefined;
    }
    const from = position - this.#start;
    return this.#window.subarray(from, from + length);
  }

  /** Reads the file anew from here on: it may have grown. */
  forget(): void {
    this.#length = 0;
    this.size = this.#file.size();
    const windowBytes = Math.min(WINDOW_BYTES, this.size);
    if (this.#window.length < windowBytes) this.#window = new Uint8Array(windowBytes);
  }

  #readApart(position: number, length: number): Uint8Array | undefined {
    const bytes = new Uint8Array(length);
    return this.#file.read(bytes, 0, length, position) === length ? bytes : undefined;
  }
}
