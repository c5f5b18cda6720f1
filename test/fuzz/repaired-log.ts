/**
 * A log as an attacker takes it apart: its records, and the chain of their checksums made right again. Written after
 * `docs/format.md`. Guarantees: an unchanged log is the same after `repair`; records stay where they are.
 */
import { crc32 } from "node:zlib";
import type { Random } from "../harness/random.js";

const SECTOR_BYTES = 4096;
const HEADER_BYTES = 56;

/** Where a record lies. */
interface Placed {
  readonly at: number;
  readonly end: number;
  readonly isAnchor: boolean;
}

export class RepairedLog {
  readonly bytes: Buffer;
  readonly #records: readonly Placed[];

  constructor(log: Uint8Array) {
    this.bytes = Buffer.from(log);
    const all = recordsIn(this.bytes);
    this.#records = all.slice(
      Math.max(
        0,
        all.findLastIndex(({ isAnchor }) => isAnchor),
      ),
    );
  }

  /** The commits that follow the last anchor. */
  get commits(): number {
    return this.#records.length - 1;
  }

  /** Changes one to four places of the commits; the same random numbers make the same log. */
  mutate(random: Random): Buffer {
    for (let changes = 1 + random.below(4); changes > 0; changes--) {
      const { at, end } = random.pick(this.#records.slice(1));
      const inHeader = random.chance(0.1);
      const part = inHeader
        ? this.bytes.subarray(at + 12, at + HEADER_BYTES)
        : this.bytes.subarray(at + HEADER_BYTES, end);
      if (part.length > 0) change(part, random);
    }
    return this.repair();
  }

  /** Each record's checksum, and in the next one that of the one before. */
  repair(): Buffer {
    let previous: number | undefined;
    for (const { at, end } of this.#records) {
      if (previous !== undefined) {
        this.bytes.writeUInt32LE(previous, at + 48);
        this.bytes.writeUInt32LE(crc32(this.bytes.subarray(at + 8, end)), at + 4);
      }
      previous = this.bytes.readUInt32LE(at + 4);
    }
    return this.bytes;
  }
}

function change(part: Buffer, random: Random): void {
  const at = random.below(part.length);
  const near = random.below(Math.min(part.length, 40));
  switch (random.below(5)) {
    case 0:
    case 1:
      part[near] = random.below(8);
      break;
    case 2:
      part[random.chance() ? near : at] = random.pick([0, 1, 0x7f, 0x80, 0x90, 0xc0, 0xdd, 0xff]);
      break;
    case 3:
      part.copyWithin(at, at + 1 + random.below(6));
      break;
    default:
      random.fill(part.subarray(at, at + 1 + random.below(8)));
  }
}

function recordsIn(log: Buffer): Placed[] {
  const found: Placed[] = [];
  for (let at = SECTOR_BYTES; at + HEADER_BYTES <= log.length; at += 8) {
    if (log.toString("latin1", at, at + 4) !== "LWAL") continue;
    const end = at + HEADER_BYTES + log.readUInt32LE(at + 8);
    if (end > log.length || crc32(log.subarray(at + 8, end)) !== log.readUInt32LE(at + 4)) continue;
    found.push({ at, end, isAnchor: log[at + 12] === 2 });
    at = Math.ceil(end / 8) * 8 - 8;
  }
  return found;
}
