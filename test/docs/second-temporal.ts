/**
 * A reader of the bitemporal store that was written from `docs/format.md` and `docs/keys.md`, and knows nothing of the
 * code that writes it: slices and transactions out of the entries of the six maps.
 */
import { decode } from "@msgpack/msgpack";
import type { Key } from "../../index.js";
import { demand } from "./second-damage.js";
import { readElement } from "./second-keys.js";
import type { ReadMap } from "./second-reader.js";

export interface ReadSlice {
  partition: number;
  key: Key;
  value: unknown;
  validFrom: number;
  validTo: number;
  txFrom: number;
  txTo: number;
  knownFrom: number;
  knownTo: number;
  origin: number;
}

export interface ReadTransaction {
  tx: number;
  time: number;
  meta?: unknown;
  changes: { op: string; partition: number; key: Key; validFrom: number; validTo: number }[];
}

/** How often each kind of record came up, so that a test can tell what it has seen. */
export interface TemporalSeen {
  heads: number;
  gaps: number;
  live: number;
  closed: number;
  large: number;
  named: number;
  namedHere: number;
  origins: number;
  hashes: number;
  inParts: number;
  unchanged: number;
}

const MAPS = ["_meta/head", "_meta/live", "_meta/history", "_meta/values", "_meta/transactions", "_meta/mentions"];
const OPERATIONS = ["", "put", "update", "patch", "delete", "erase", "unchanged"];

/** Takes parts of a value one after the other. */
class Parts {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  take(length: number): Buffer {
    demand(this.at + length <= this.#bytes.length, "a record stops short");
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  rest(): Buffer {
    return this.take(this.#bytes.length - this.at);
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }

  u8(): number {
    return this.take(1)[0];
  }

  tx(): number {
    return this.take(6).readUIntBE(0, 6);
  }

  instant(): number {
    return milliseconds(this.take(8));
  }

  count(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  }
}

/** An instant as the API gives it. */
function milliseconds(bytes: Buffer): number {
  const raw = bytes.readBigUInt64BE();
  if (raw === 0n) return Number.NEGATIVE_INFINITY;
  if (raw === 2n ** 64n - 1n) return Number.POSITIVE_INFINITY;
  return Number(raw - 2n ** 63n) / 1000;
}

/** Partition and key of a stem. */
function readStem(stem: Buffer): { partition: number; key: Key } {
  const more = stem[0] < 248 ? 0 : stem[0] - 247;
  const partition = more === 0 ? stem[0] : stem.readUIntBE(1, more);
  const place = { at: 1 + more };
  const key = readElement(stem, place);
  demand(place.at === stem.length, "a stem goes on behind its key");
  return { partition, key };
}

export class SecondTemporal {
  readonly seen: TemporalSeen = {
    ...{ heads: 0, gaps: 0, live: 0, closed: 0, large: 0, named: 0, namedHere: 0, origins: 0 },
    ...{ hashes: 0, inParts: 0, unchanged: 0 },
  };
  readonly #entries: [Buffer, Buffer][][];
  /** Of history and values: what lies under a key in hex. */
  readonly #history: Map<string, Buffer>;
  readonly #values: Map<string, Buffer>;
  readonly #times = new Map<number, number>();

  constructor(maps: readonly ReadMap[]) {
    this.#entries = MAPS.map((name) => {
      const map = maps.find((one) => one.name === name);
      demand(map === undefined || map.format === "bytes", "a map of the store has another format");
      return map?.entries ?? [];
    });
    const byKey = (entries: [Buffer, Buffer][]) => new Map(entries.map(([key, value]) => [key.toString("hex"), value]));
    this.#history = byKey(this.#entries[2]);
    this.#values = byKey(this.#entries[3]);
    for (const { tx, time } of this.transactions()) this.#times.set(tx, time);
  }

  /** Before this transaction nothing can be asked. */
  get horizon(): number {
    const first = this.#entries[4][0];
    return first !== undefined && first[0].readUIntBE(0, 6) === 0 ? first[1].readUIntBE(0, 6) : 0;
  }

  /** All slices, those of one key together, by (txFrom, validFrom). */
  slices(): ReadSlice[] {
    const [heads, live, history] = this.#entries;
    const read: { stem: string; slice: ReadSlice }[] = [];
    for (const [key, value] of heads) {
      const slice = this.#slice(key, null, Number.POSITIVE_INFINITY, value);
      if (slice === undefined) this.seen.gaps++;
      else read.push({ stem: key.toString("hex"), slice });
      this.seen.heads++;
    }
    for (const [key, value] of live) {
      const stem = key.subarray(0, -8);
      this.#add(read, stem, this.#slice(stem, key.subarray(-8), Number.POSITIVE_INFINITY, value));
      this.seen.live++;
    }
    for (const [key, value] of history) {
      const stem = key.subarray(0, -14);
      this.#add(read, stem, this.#slice(stem, key.subarray(-8), key.readUIntBE(key.length - 14, 6), value));
      this.seen.closed++;
    }
    const order = (a: ReadSlice, b: ReadSlice): number => a.txFrom - b.txFrom || (a.validFrom < b.validFrom ? -1 : 1);
    read.sort((a, b) => (a.stem === b.stem ? order(a.slice, b.slice) : a.stem < b.stem ? -1 : 1));
    return read.map(({ slice }) => slice);
  }

  #add(read: { stem: string; slice: ReadSlice }[], stem: Buffer, slice: ReadSlice | undefined): void {
    demand(slice !== undefined, "a gap is not in head");
    read.push({ stem: stem.toString("hex"), slice });
  }

  /** @param from validFrom in the key; null in head */
  #slice(stem: Buffer, from: Buffer | null, txTo: number, record: Buffer): ReadSlice | undefined {
    const parts = new Parts(record);
    const flags = parts.u8();
    demand(flags < 64 && [0, 1, 2, 16, 32].includes(flags & 51), "a slice has impossible flags");
    demand(txTo === Number.POSITIVE_INFINITY || (flags & 8) === 0, "validTo is left out in history");
    const txFrom = parts.tx();
    const validTo = (flags & 8) === 0 ? parts.instant() : Number.POSITIVE_INFINITY;
    const fromBytes = from ?? parts.take(8);
    const validFrom = milliseconds(fromBytes);
    demand(validFrom < validTo && txFrom < txTo, "a slice covers nothing");
    if ((flags & 1) !== 0) {
      demand(from === null && parts.isAtEnd, "a gap holds more than its bounds");
      return undefined;
    }
    const origin = (flags & 4) === 0 ? txFrom : parts.tx();
    if ((flags & 4) !== 0) this.seen.origins++;
    demand(from !== null || (flags & 48) === 0, "a head names a closed slice");
    const value = decode(this.#value(stem, flags, parts, txFrom, fromBytes));
    demand(parts.isAtEnd, "a slice goes on behind its value");
    const known = { knownFrom: this.#timeOf(txFrom), knownTo: txTo === Infinity ? txTo : this.#timeOf(txTo) };
    return { ...readStem(stem), value, validFrom, validTo, txFrom, txTo, ...known, origin };
  }

  #value(stem: Buffer, flags: number, parts: Parts, txFrom: number, validFrom: Buffer): Buffer {
    if ((flags & 2) !== 0) return this.#large(stem, parts.take(10));
    if ((flags & 48) === 0) return parts.rest();
    const tx = Buffer.alloc(6);
    tx.writeUIntBE(txFrom, 0, 6);
    const name = (flags & 32) !== 0 ? Buffer.concat([tx, validFrom]) : parts.take(14);
    this.seen[(flags & 32) !== 0 ? "namedHere" : "named"]++;
    const closed = this.#history.get(Buffer.concat([stem, name]).toString("hex"));
    demand(closed !== undefined && (closed[0] & 57) === 0, "the closed slice that is named has no value");
    const named = new Parts(closed);
    named.take(15 + ((closed[0] & 4) === 0 ? 0 : 6));
    return (closed[0] & 2) === 0 ? named.rest() : this.#large(stem, named.take(10));
  }

  #large(stem: Buffer, place: Buffer): Buffer {
    this.seen.large++;
    const value = this.#values.get(Buffer.concat([stem, place]).toString("hex"));
    demand(value !== undefined, "a large value is missing");
    return value;
  }

  #timeOf(tx: number): number {
    const time = this.#times.get(tx);
    demand(time !== undefined, `transaction ${tx} has no row`);
    return time;
  }

  /** The transactions whose rows name a key of which they changed nothing. */
  mentions(): { partition: number; key: Key; tx: number }[] {
    return this.#entries[5].map(([key, value]) => {
      demand(value.length === 0, "a mention has a value");
      return { ...readStem(key.subarray(0, -6)), tx: key.readUIntBE(key.length - 6, 6) };
    });
  }

  transactions(): ReadTransaction[] {
    const rows = this.#entries[4].filter(([key]) => key.readUIntBE(0, 6) > 0);
    return rows.map(([key, value]) => {
      const parts = new Parts(value);
      const flags = parts.u8();
      demand(flags < 2, "a row has unknown flags");
      const time = parts.instant();
      const meta = (flags & 1) !== 0 && { meta: decode(parts.take(parts.take(4).readUInt32BE())) };
      const changes = [];
      while (!parts.isAtEnd) changes.push(this.#operation(parts, time));
      return { tx: key.readUIntBE(0, 6), time, ...meta, changes };
    });
  }

  #operation(parts: Parts, time: number): ReadTransaction["changes"][number] {
    const bits = parts.u8();
    const op = OPERATIONS[bits & 7];
    const inParts = (bits & 64) !== 0;
    demand(bits < 128 && op !== undefined && op !== "", "an operation is of an unknown kind");
    demand(!inParts || op === "put", "only a put is written in parts");
    const partition = parts.count();
    const stem = parts.take(parts.count());
    const isHash = (bits & 32) !== 0;
    if (isHash) this.seen.hashes++;
    demand(!isHash || stem.length === 32, "a hash has a wrong length");
    const key = isHash ? new Uint8Array(stem) : readStem(stem).key;
    const validFrom = (bits & 8) === 0 ? parts.instant() : time;
    const validTo = (bits & 16) === 0 ? parts.instant() : Number.POSITIVE_INFINITY;
    if (inParts || op === "update" || op === "patch") parts.take(16 * parts.count());
    if (inParts) this.seen.inParts++;
    if (op === "unchanged") this.seen.unchanged++;
    return { op, partition, key, validFrom, validTo };
  }
}
