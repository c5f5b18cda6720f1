/**
 * An entry of head, live or history, read in place. Guarantees: looking allocates nothing; what is read is
 * valid until the next page is loaded, a copy taken by `slice()` forever.
 */
import { copyKey } from "../btree/node.js";
import type { ByteSource } from "../engine/byte-source.js";
import { Entry } from "../engine/entry.js";
import { decodeInstant, INSTANT_BYTES } from "./instant.js";
import { HISTORY_SUFFIX_BYTES, TX_BYTES } from "./maps.js";
import { type RecordKind, RecordView, type StoredSlice, type StoredValue } from "./slice-record.js";
import { readTx } from "./stored-key.js";

export class FoundSlice {
  readonly entry = new Entry();
  readonly record = new RecordView();
  /** The key of the entry; not copied where the caller has it and the entry is a head. */
  readonly key = new Uint8Array(65536);
  keyLength = 0;
  kind: RecordKind = "head";
  #kept = new Uint8Array(0);

  /** Looks at an entry of a leaf, key and all. */
  at(source: ByteSource, frame: number, slot: number, kind: RecordKind): this {
    const { cache } = source.reader;
    this.keyLength = copyKey(cache.views(frame), cache.base(frame), slot, this.key);
    this.entry.set(source.reader, frame, slot);
    return this.look(source, kind);
  }

  /** Looks at the record of `entry`, which was just found. */
  look(source: ByteSource, kind: RecordKind): this {
    const { entry } = this;
    this.kind = kind;
    this.record.read(source.reader.cache.views(entry.frame).u8, entry.at, entry.length, kind === "head");
    return this;
  }

  /** Copies the record, so that it stays as it is while pages come and go. */
  keep(): this {
    const { u8, start, end } = this.record;
    if (u8 === this.#kept) return this;
    const length = end - start;
    if (this.#kept.length < length) this.#kept = new Uint8Array(length * 2);
    for (let i = 0; i < length; i++) this.#kept[i] = u8[start + i];
    this.record.read(this.#kept, 0, length, this.kind === "head");
    return this;
  }

  /** Bytes of partition and key. */
  get stemLength(): number {
    if (this.kind === "head") return this.keyLength;
    return this.keyLength - (this.kind === "live" ? INSTANT_BYTES : HISTORY_SUFFIX_BYTES);
  }

  get validFrom(): bigint {
    if (this.kind === "head") return this.record.validFrom;
    return decodeInstant(this.key, this.keyLength - INSTANT_BYTES);
  }

  get txTo(): number {
    return this.kind === "history" ? readTx(this.key, this.keyLength - INSTANT_BYTES - TX_BYTES) : Infinity;
  }

  /** Where its value is, as a copy. */
  value(): StoredValue {
    return this.record.value(this.validFrom);
  }

  slice(): StoredSlice {
    return this.record.slice(this.validFrom, this.txTo);
  }
}
