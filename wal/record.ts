/**
 * A record of the log: a header of 56 bytes and a body. Integers are little-endian.
 *
 * ```
 *  0  u32 magic "LWAL"             24  u48 transaction, u16 zero
 *  4  u32 CRC-32 of what follows   32  u48 newest transaction known to be durable, u16 zero
 *  8  u32 bytes of the body        40  u64 time of the transaction in microseconds (anchor: 0)
 * 12  u8 kind (1 commit, 2 anchor) 48  u32 CRC of the record that it follows
 * 13  3 zero bytes                 52  u32 zero
 * 16  salt, 8 bytes                56  body
 * ```
 *
 * A commit's body is its operations. An anchor says where a chain of commits begins: behind which transaction, under
 * which salt. Its body is the salt of the chain that it continues, and whole records that are stated again.
 *
 * Guarantees: a record is believed only when its checksum is right, and it is the next one only when it names the
 * checksum of the one before, the salt of its chain and the next transaction.
 */
import { crc32 } from "node:zlib";
import { TWO_32 } from "../pager/page.js";

export const RECORD_HEADER_BYTES = 56;
export const SALT_BYTES = 8;
export const COMMIT = 1;
export const ANCHOR = 2;
const MAGIC = 0x4c41574c;
/** Records start at multiples of this. */
const RECORD_ALIGNMENT = 8;

export interface RecordHeader {
  kind: typeof COMMIT | typeof ANCHOR;
  /** Of an anchor: the transaction that the chain goes on after. */
  tx: number;
  /** What was durable when the record was written. */
  durableTx: number;
  timeMicros: number;
  /** The checksum of the record that this one follows; of an anchor, that of its transaction's record. */
  previousCrc: number;
  salt: Uint8Array;
}

/** A record as it was read. `bytes` is the whole of it. */
export interface LogRecord extends RecordHeader {
  readonly crc: number;
  readonly bytes: Uint8Array;
}

/** The body of a record. */
export function recordBody(record: LogRecord): Uint8Array {
  return record.bytes.subarray(RECORD_HEADER_BYTES);
}

/** The salt of the chain that an anchor continues. */
export function parentSalt(anchor: LogRecord): Uint8Array {
  return anchor.bytes.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + SALT_BYTES);
}

/** Where the next record may start after one that ends at `end`. */
export function alignRecord(end: number): number {
  return Math.ceil(end / RECORD_ALIGNMENT) * RECORD_ALIGNMENT;
}

/** Puts the header before a body that is in `bytes` behind room for it; returns the checksum. */
export function sealRecord(bytes: Uint8Array, end: number, header: RecordHeader): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(0, MAGIC, true);
  view.setUint32(8, end - RECORD_HEADER_BYTES, true);
  view.setUint32(12, header.kind, true);
  bytes.set(header.salt, 16);
  setU64(view, 24, header.tx);
  setU64(view, 32, header.durableTx);
  setU64(view, 40, header.timeMicros);
  view.setUint32(48, header.previousCrc, true);
  view.setUint32(52, 0, true);
  const crc = crc32(bytes.subarray(8, end));
  view.setUint32(4, crc, true);
  return crc;
}

/** The record at a place of a buffer, or undefined where there is no whole and undamaged one. */
export function readRecord(bytes: Uint8Array, at: number): LogRecord | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length || getU32(bytes, at) !== MAGIC) return undefined;
  const end = at + RECORD_HEADER_BYTES + getU32(bytes, at + 8);
  const kind = getU32(bytes, at + 12);
  if (end > bytes.length || (kind !== COMMIT && kind !== ANCHOR)) return undefined;
  const crc = getU32(bytes, at + 4);
  if (crc32(bytes.subarray(at + 8, end)) !== crc) return undefined;
  if (kind === ANCHOR && end - at < RECORD_HEADER_BYTES + SALT_BYTES) return undefined;
  return {
    kind,
    tx: getU64(bytes, at + 24),
    durableTx: getU64(bytes, at + 32),
    timeMicros: getU64(bytes, at + 40),
    previousCrc: getU32(bytes, at + 48),
    salt: bytes.subarray(at + 16, at + 16 + SALT_BYTES),
    crc,
    bytes: bytes.subarray(at, end),
  };
}

/** How many bytes a record at this place says it has, whatever has become of them; 0 where nothing says so. */
export function claimedBytes(bytes: Uint8Array, at: number): number {
  if (at + RECORD_HEADER_BYTES > bytes.length || getU32(bytes, at) !== MAGIC) return 0;
  return RECORD_HEADER_BYTES + getU32(bytes, at + 8);
}

/** True where a record at this place says that it is a commit. */
export function claimsCommit(bytes: Uint8Array, at: number): boolean {
  return getU32(bytes, at + 12) === COMMIT;
}

/** The transaction that a damaged record at this place says it is of. */
export function claimedTx(bytes: Uint8Array, at: number): number {
  return getU64(bytes, at + 24);
}

/** True where two salts are the same. */
export function isSameSalt(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < SALT_BYTES; i++) if (a[i] !== b[i]) return false;
  return true;
}

function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % TWO_32, true);
  view.setUint32(at + 4, Math.floor(value / TWO_32), true);
}

function getU32(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function getU64(bytes: Uint8Array, at: number): number {
  return getU32(bytes, at) + getU32(bytes, at + 4) * TWO_32;
}
