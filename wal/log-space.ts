/**
 * Which bytes of the log file are in use: a ring of sectors after the header, from the tail (the oldest anchor that a
 * meta page names) to the head. Guarantees: what is between tail and head is not handed out; a record is never cut in
 * two by the end of the file; after `seal` nothing shares a sector with what was handed out before.
 */
import { SECTOR_BYTES } from "./log-header.js";
import { alignRecord } from "./record.js";

/** Rounds up to whole sectors. */
export function alignSector(position: number): number {
  return Math.ceil(position / SECTOR_BYTES) * SECTOR_BYTES;
}

export class LogSpace {
  /** Bytes of the file that exist on disk. */
  fileBytes: number;
  /** The most bytes that the file may have. */
  readonly #limitBytes: number;
  #tail: number;
  #head: number;
  #wrapped: boolean;
  /** How far the head has gone since the start, in bytes of the ring. */
  #travelledBytes = 0;
  /** Where the head left the end of the file. */
  #gap: number;

  constructor(fileBytes: number, limitBytes: number, tail: number, head: number) {
    this.fileBytes = fileBytes;
    this.#limitBytes = Math.max(limitBytes, fileBytes);
    this.#tail = tail;
    this.#head = head;
    this.#wrapped = head < tail;
    this.#gap = fileBytes;
  }

  get head(): number {
    return this.#head;
  }

  /** How many bytes the head has passed since the space was opened, what it skipped included. */
  get travelledBytes(): number {
    return this.#travelledBytes;
  }

  /** Bytes that are in use. */
  get usedBytes(): number {
    return this.#wrapped ? this.fileBytes - this.#tail + this.#head - SECTOR_BYTES : this.#head - this.#tail;
  }

  /** The most bytes that can be in use. */
  get limitBytes(): number {
    return this.#limitBytes - SECTOR_BYTES;
  }

  /** What comes next starts a sector of its own: what is before is about to be acknowledged. */
  seal(): void {
    this.#advance(alignSector(this.#head));
  }

  #advance(head: number): void {
    this.#travelledBytes += head - this.#head;
    this.#head = head;
  }

  /**
   * Where `bytes` bytes can go, with `spare` bytes of room left behind them, or -1 where there is no room before the
   * tail moves. The end may be after the end of the file, which has to grow then.
   */
  place(bytes: number, spare: number): number {
    const start = alignRecord(this.#head);
    const end = alignSector(start + bytes);
    if (this.#wrapped) return end + spare < this.#tail ? start : -1;
    if (end + spare <= this.fileBytes) return start;
    if (SECTOR_BYTES + alignSector(bytes) + spare < this.#tail) return SECTOR_BYTES;
    return end + spare <= this.#limitBytes ? start : -1;
  }

  /** Notes that the bytes from `start`, as `place` gave it, are in use. */
  take(start: number, bytes: number): void {
    if (start < this.#head) {
      this.#wrapped = true;
      this.#gap = alignSector(this.#head);
      this.#advance(this.fileBytes);
      this.#head = SECTOR_BYTES;
    }
    this.#advance(start + bytes);
  }

  /** Nothing before `tail`, which is the start of a record, is needed any more. */
  release(tail: number): void {
    if (this.#wrapped && tail < this.#tail) this.#wrapped = false;
    this.#tail = tail;
  }

  /** The stretches of sectors that are not in use. */
  unused(): [from: number, to: number][] {
    const head = alignSector(this.#head);
    if (!this.#wrapped)
      return [
        [SECTOR_BYTES, this.#tail],
        [head, this.fileBytes],
      ];
    return [
      [head, this.#tail],
      [this.#gap, this.fileBytes],
    ];
  }
}
