/**
 * A data file as an attacker takes it apart: every place in it that means something, and all checksums made right again
 * from the leaves up to the newest meta page. Written after `docs/format.md`; nothing of the engine is used.
 *
 * Guarantees: an unchanged file is the same after `repair`; walking ends for any bytes, also where pages lead back to
 * themselves. Where they do, one checksum stays wrong, as it must.
 */
import { crc32 } from "node:zlib";

const META_BYTES = 256;
const META_PAGES = 3;
const HEADER_BYTES = 32;
const SLOT_BYTES = 8;
const POINTER_BYTES = 24;
const LEAF = 1;
const ON_EXTENTS = 0x8000;
const EXTENT_AT = 12;
const PER_EXTENT_BYTES = 14;
const MOST_PAGES = 20_000;

/** What a place holds. */
export type PlaceKind = "meta" | "header" | "slot" | "pointer" | "length" | "key" | "value" | "descriptor" | "extent";

/** Some bytes of the file that mean something. */
export interface Place {
  readonly kind: PlaceKind;
  readonly at: number;
  readonly bytes: number;
  /** For keys, lengths and values of a leaf: the map, or "" for the directory. */
  readonly map: string;
}

/** Called with each place on the way, the children of a page before what is after it. */
type Visit = (place: Place) => void;

export class RepairedFile {
  readonly bytes: Buffer;
  readonly pageSize: number;
  /** Where the newest meta page is. */
  readonly meta: number;
  #pages = 0;
  #visit: Visit = () => {};

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes);
    this.pageSize = this.bytes.readUInt32LE(12);
    const starts = Array.from({ length: META_PAGES }, (_, page) => page * this.pageSize);
    this.meta = starts.reduce((a, b) =>
      this.bytes.readUIntLE(a + 104, 6) > this.bytes.readUIntLE(b + 104, 6) ? a : b,
    );
  }

  /** Everything that the newest meta page reaches. */
  places(): Place[] {
    const places: Place[] = [];
    this.#walk((place) => places.push(place));
    return places;
  }

  /** Makes all checksums right. */
  repair(): Buffer {
    this.#walk(() => {});
    this.bytes.writeUInt32LE(
      crc32(this.bytes.subarray(this.meta, this.meta + META_BYTES - 4)),
      this.meta + META_BYTES - 4,
    );
    return this.bytes;
  }

  #walk(visit: Visit): void {
    this.#visit = visit;
    this.#pages = 0;
    const { meta, bytes } = this;
    visit({ kind: "meta", at: meta + 8, bytes: META_BYTES - 12, map: "" });
    const listBytes = bytes.readUInt16LE(meta + 112);
    if (listBytes > 0 && listBytes <= 138) this.#extents(meta + 114, listBytes, "");
    if (bytes[meta + 54] > 0) this.#node(meta + 56, "", new Set(), (at, length, key) => this.#record(at, length, key));
  }

  /** The node that the pointer at a byte names, and all below it; then the pointer's checksum. */
  #node(
    pointer: number,
    map: string,
    open: Set<number>,
    onValue: (at: number, length: number, key: string) => void,
  ): void {
    const page = this.bytes.readUIntLE(pointer, 6);
    const base = page * this.pageSize;
    if (page < META_PAGES || base + this.pageSize > this.bytes.length || open.has(page) || ++this.#pages > MOST_PAGES)
      return;
    open.add(page);
    this.#visit({ kind: "header", at: base, bytes: HEADER_BYTES, map });
    const node = this.bytes.subarray(base, base + this.pageSize);
    const slots = HEADER_BYTES + Math.ceil(node.readUInt16LE(16) / 4) * 4;
    const count = node.readUInt16LE(2);
    for (
      let slot = slots;
      slot < slots + SLOT_BYTES * count && slot + SLOT_BYTES <= this.pageSize;
      slot += SLOT_BYTES
    ) {
      this.#visit({ kind: "slot", at: base + slot, bytes: SLOT_BYTES, map });
      const cell = node.readUInt16LE(slot + 4);
      if (node[0] === LEAF) this.#cell(base, slot, cell, map, onValue);
      else if (cell + POINTER_BYTES <= this.pageSize) {
        this.#visit({ kind: "pointer", at: base + cell, bytes: POINTER_BYTES, map });
        this.#node(base + cell, map, open, onValue);
      }
    }
    open.delete(page);
    this.bytes.writeUInt32LE(crc32(node), pointer + 8);
  }

  #cell(
    base: number,
    slot: number,
    cell: number,
    map: string,
    onValue: (at: number, length: number, key: string) => void,
  ): void {
    if (cell + 2 > this.pageSize) return;
    const tail = Math.max(0, this.bytes.readUInt16LE(base + slot + 6) - 4);
    const stored = this.bytes.readUInt16LE(base + cell);
    const length = stored & (ON_EXTENTS - 1);
    const at = cell + 2 + tail;
    if (at + length > this.pageSize) return;
    this.#visit({ kind: "length", at: base + cell, bytes: 2, map });
    if (tail > 0) this.#visit({ kind: "key", at: base + cell + 2, bytes: tail, map });
    if (stored >= ON_EXTENTS) this.#extents(base + at, length, map);
    else if (length > 0) {
      this.#visit({ kind: "value", at: base + at, bytes: length, map });
      onValue(base + at, length, this.#keyText(base, slot, cell, tail));
    }
  }

  /** Enough of a key to tell maps apart. */
  #keyText(base: number, slot: number, cell: number, tail: number): string {
    const prefix = this.bytes.subarray(base + HEADER_BYTES, base + HEADER_BYTES + this.bytes.readUInt16LE(base + 16));
    const head = Buffer.from(this.bytes.subarray(base + slot, base + slot + 4)).reverse();
    const suffix = Math.min(4, this.bytes.readUInt16LE(base + slot + 6));
    const rest = this.bytes.subarray(base + cell + 2, base + cell + 2 + tail);
    return Buffer.concat([prefix, head.subarray(0, suffix), rest]).toString("latin1");
  }

  /** A record of the directory: the pointer to a map. */
  #record(at: number, length: number, name: string): void {
    if (length < POINTER_BYTES + 1) return;
    this.#visit({ kind: "pointer", at, bytes: length, map: "" });
    if (this.bytes[at + POINTER_BYTES] > 0) this.#node(at, name, new Set(), () => {});
  }

  #extents(descriptor: number, length: number, map: string): void {
    if (length < EXTENT_AT) return;
    this.#visit({ kind: "descriptor", at: descriptor, bytes: length, map });
    let left = this.bytes.readUInt32LE(descriptor);
    for (let at = descriptor + EXTENT_AT; at + PER_EXTENT_BYTES <= descriptor + length; at += PER_EXTENT_BYTES) {
      const start = this.bytes.readUIntLE(at, 6) * this.pageSize;
      const data = Math.min(this.bytes.readUInt32LE(at + 6) * this.pageSize - HEADER_BYTES, left);
      left -= data;
      if (data < 0 || start < META_PAGES * this.pageSize || start + HEADER_BYTES + data > this.bytes.length) return;
      this.#visit({ kind: "extent", at: start, bytes: HEADER_BYTES + data, map });
      this.bytes.writeUInt32LE(crc32(this.bytes.subarray(start, start + HEADER_BYTES + data)), at + 10);
    }
  }
}
