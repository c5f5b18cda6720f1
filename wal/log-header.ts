/**
 * The first sector of a log file: whose log it is. Written once, before the file gets its name, and never changed.
 *
 * ```
 *  0  magic "LLMDBWAL"              32  u48 number of the checkpoint that the log starts at, u16 zero
 *  8  u32 format version            40  u32 CRC-32 of that checkpoint's meta page
 * 12  u32 zero                      44  u32 CRC-32 of the bytes before
 * 16  id of the database, 16 bytes
 * ```
 *
 * Guarantees: a header is believed only when magic, version and checksum are right.
 */
import { crc32 } from "node:zlib";
import { LlmdbError } from "../pager/error.js";
import { TWO_32 } from "../pager/page.js";

/** Records start after it; also what is never shared between bytes that were acknowledged and later writes. */
export const SECTOR_BYTES = 4096;
const LOG_VERSION = 1;
const HEADER_BYTES = 48;
const CRC_AT = 44;
const MAGIC = new TextEncoder().encode("LLMDBWAL");

export interface LogHeader {
  readonly id: Uint8Array;
  /** The checkpoint that the log starts at. */
  readonly checkpoint: number;
  readonly metaCrc: number;
}

export function encodeLogHeader(header: LogHeader): Uint8Array {
  const bytes = new Uint8Array(SECTOR_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, LOG_VERSION, true);
  bytes.set(header.id, 16);
  view.setUint32(32, header.checkpoint % TWO_32, true);
  view.setUint32(36, Math.floor(header.checkpoint / TWO_32), true);
  view.setUint32(40, header.metaCrc, true);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  return bytes;
}

/**
 * @throws LlmdbError `LLMDB_CORRUPT`, `LLMDB_FORMAT_VERSION`
 */
export function decodeLogHeader(bytes: Uint8Array, path: string): LogHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const whole = bytes.length >= HEADER_BYTES && MAGIC.every((byte, i) => bytes[i] === byte);
  if (!whole || view.getUint32(CRC_AT, true) !== crc32(bytes.subarray(0, CRC_AT))) {
    throw new LlmdbError(
      "LLMDB_CORRUPT",
      `${path} is not a log, or its first sector is damaged; restore a backup, or move it away to open the database ` +
        "as of its last checkpoint",
      { path },
    );
  }
  const version = view.getUint32(8, true);
  if (version !== LOG_VERSION) {
    throw new LlmdbError(
      "LLMDB_FORMAT_VERSION",
      `${path} has log format ${version}; this llmdb reads log format ${LOG_VERSION}; use a matching one`,
      { path, version },
    );
  }
  return {
    id: bytes.slice(16, 32),
    checkpoint: view.getUint32(32, true) + view.getUint32(36, true) * TWO_32,
    metaCrc: view.getUint32(40, true),
  };
}
