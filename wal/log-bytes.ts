/**
 * Reading a log file by position. Guarantees: records that are handed out are views of stretches that were read once
 * and never change; what is after the end of the file reads as nothing.
 */
import type { StorageFile } from "../pager/storage.js";
import { failure } from "../pager/system-error.js";
import { SECTOR_BYTES } from "./log-header.js";
import { claimedBytes, type LogRecord, RECORD_HEADER_BYTES, readRecord } from "./record.js";

const WINDOW_BYTES = 1024 * 1024;

export class LogBytes {
  readonly #file: StorageFile;
  size: number;
  #window: Uint8Array = new Uint8Array(0);
  #start = 0;

  constructor(file: StorageFile) {
    this.#file = file;
    this.size = file.size();
  }

  /** The record at a position, or undefined where there is no whole and undamaged one. */
  recordAt(position: number): LogRecord | undefined {
    if (!this.#has(position, RECORD_HEADER_BYTES)) return undefined;
    const length = claimedBytes(this.#window, position - this.#start);
    if (length === 0 || !this.#has(position, length)) return undefined;
    return readRecord(this.#window, position - this.#start);
  }

  /** Bytes at a position, or undefined where the file ends before they do. */
  read(position: number, length: number): Uint8Array | undefined {
    if (!this.#has(position, length)) return undefined;
    const from = position - this.#start;
    return this.#window.subarray(from, from + length);
  }

  /** Reads the file again from here on: it may have grown. */
  forget(): void {
    this.#window = new Uint8Array(0);
    this.size = this.#file.size();
  }

  /** Sees to it that the window holds these bytes; false where the file does not. */
  #has(position: number, length: number): boolean {
    const end = position + length;
    if (position >= this.#start && end <= this.#start + this.#window.length) return true;
    if (end > this.size) return false;
    this.#start = position - (position % SECTOR_BYTES);
    // A new buffer each time: records in the last one are still looked at.
    const window = new Uint8Array(Math.min(Math.max(WINDOW_BYTES, end - this.#start), this.size - this.#start));
    const read = this.#file.read(window, 0, window.length, this.#start);
    // Taking a stretch that is there for one that is not would cut acknowledged commits.
    if (read < window.length && this.#file.size() >= this.size) throw failure("EIO", "read from", "the log");
    this.#window = window.subarray(0, read);
    return end <= this.#start + this.#window.length;
  }
}
