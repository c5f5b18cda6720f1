/**
 * The chain of records of a log, taken apart and put together again with right checksums, as an attacker would.
 * Guarantees: unchanged parts give the same chain; every record names the checksum of the one before.
 */
import { crc32 } from "node:zlib";
import { recordsIn, SECTOR_BYTES } from "./log-image.js";

const HEADER_BYTES = 56;

/** A record; what is not checked by its own checksum alone is put right when the log is built. */
export interface RecordParts {
  readonly isAnchor: boolean;
  /** The 56 bytes of the header, of which a test may change what it likes. */
  readonly header: Buffer;
  body: Buffer;
}

/** The records from the last anchor on. */
export function takeApart(log: Uint8Array): RecordParts[] {
  const placed = recordsIn(log);
  const from = placed.findLastIndex(({ isAnchor }) => isAnchor);
  return placed.slice(from).map(({ at, end, isAnchor }) => ({
    isAnchor,
    header: Buffer.from(log.slice(at, at + HEADER_BYTES)),
    body: Buffer.from(log.slice(at + HEADER_BYTES, end)),
  }));
}

/** One record as bytes, behind the one with this checksum. */
export function sealParts({ header, body }: RecordParts, previousCrc: number): Buffer {
  const bytes = Buffer.concat([header, body]);
  bytes.writeUInt32LE(body.length, 8);
  bytes.writeUInt32LE(previousCrc, 48);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

/** The log with these records, each in sectors of its own; the first stays as it is. */
export function putTogether(log: Uint8Array, parts: readonly RecordParts[]): Buffer {
  const placed = recordsIn(log);
  const base = placed.findLast(({ isAnchor }) => isAnchor);
  if (base === undefined) throw new Error("the log has no anchor");
  const built: Buffer[] = [Buffer.from(log.slice(0, base.end))];
  let crc = built[0].readUInt32LE(base.at + 4);
  for (const part of parts.slice(1)) {
    const bytes = sealParts(part, crc);
    crc = bytes.readUInt32LE(4);
    built.push(padding(built.at(-1)?.length ?? 0), bytes);
  }
  return Buffer.concat([...built, padding(built.at(-1)?.length ?? 0), Buffer.alloc(2 * SECTOR_BYTES)]);
}

/** What is missing to a whole sector. The first part of a log and all others begin at one. */
function padding(length: number): Buffer {
  return Buffer.alloc((SECTOR_BYTES - (length % SECTOR_BYTES)) % SECTOR_BYTES);
}

/** Operations in the form of the log. */
export const operation = {
  map: (name: string | Buffer, format: number): Buffer => {
    const bytes = Buffer.from(name);
    return Buffer.concat([Buffer.of(1, format), u16(bytes.length), bytes]);
  },
  put: (key: Buffer, value: Buffer): Buffer =>
    Buffer.concat([Buffer.of(2), u16(key.length), u32(value.length), key, value]),
  delete: (key: Buffer): Buffer => Buffer.concat([Buffer.of(3), u16(key.length), key]),
  clear: (bounds: number, lower: Buffer, upper: Buffer): Buffer =>
    Buffer.concat([Buffer.of(4, bounds), u16(lower.length), u16(upper.length), lower, upper]),
  drop: Buffer.of(5),
};

export function u16(value: number): Buffer {
  return Buffer.of(value & 255, value >>> 8);
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
