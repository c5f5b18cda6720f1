/**
 * The three meta pages: where everything else is found. They take turns; the newest valid one counts. Three, because
 * the newest may not have reached the disk although reads show it (a sync failed, and the process was started again):
 * then both it and the one before must stay as they are while its state is written again.
 *
 * ```
 *   0  magic, 8 bytes          56  pointer to the root of the map directory, 24 bytes
 *   8  u32 format version      80  u48 transaction of the checkpoint before, u16 zero
 *  12  u32 page size           88  u48 anchor in the log, u16 zero, u32 its CRC-32
 *  16  database id, 16 bytes  104  u48 number of this checkpoint, u16 zero
 *  32  u48 transaction, u16   100  u32 transactions at the end that only moved pages
 *  40  u64 time, microseconds 112  u16 length of the descriptor of the free list (0: none), descriptor up to 138 bytes
 *  48  u48 pages, u8 depth of the directory, u8 flags: 1 unerased
 *                             252  u32 CRC-32 of the bytes before
 * ```
 *
 * Guarantees: a meta page is believed only when its magic, version and checksum are right; a torn or stale one is
 * passed over. Meta pages are 256 bytes at the start of pages 0, 1 and 2, so at least 4 KiB apart.
 */
import { crc32 } from "node:zlib";
import { LlmdbError } from "./error.js";
import { MAX_DESCRIPTOR_BYTES } from "./extent-value.js";
import { PAGE_SIZES, PageViews, TWO_32 } from "./page.js";
import { PagePointer, readPointer, writePointer } from "./page-pointer.js";
import type { StorageFile } from "./storage.js";
import { failure } from "./system-error.js";

export const META_BYTES = 256;
/** How many pages at the start of the file are meta pages. */
export const META_PAGES = 3;
/** The format that this code reads and writes. */
export const FORMAT_VERSION = 1;
/** "LLMDB", then bytes that a text-mode transfer would change. */
const MAGIC = Uint8Array.of(0x4c, 0x4c, 0x4d, 0x44, 0x42, 0x00, 0x1a, 0x0a);
const CRC_AT = 252;
const DESCRIPTOR_AT = 114;
const UNERASED = 1;

export interface Meta {
  pageSize: number;
  /** 16 random bytes that tell this database from any other. */
  id: Uint8Array;
  /** The last transaction of the checkpoint. */
  tx: number;
  /** Its time in microseconds since 1970. */
  timeMicros: number;
  /** How many transactions up to that one only moved pages, and changed nothing that is seen. */
  moves: number;
  /** Pages in use or free, counted from page 0. */
  pages: number;
  directory: PagePointer;
  directoryDepth: number;
  /** The transaction of the checkpoint before, which the meta page before names. */
  previousTx: number;
  /** Counts checkpoints; the rest of a division by 3 tells which page it is on. */
  checkpoint: number;
  /** The anchor in the log that later commits follow; position 0 where there was no log. */
  log: { readonly position: number; readonly crc: number };
  /** Freed pages or the log may still hold what was removed and is to be erased. */
  unerased: boolean;
  /** Where the list of free pages is; empty for none. */
  freeList: Uint8Array;
}

/** What is found at one of the two places. */
type Found = { meta: Meta } | { problem: "absent" | "damaged" | "version"; version?: number };

export function encodeMeta(meta: Meta): Uint8Array {
  const views = new PageViews(new ArrayBuffer(META_BYTES), 0, META_BYTES);
  const { u8, u32 } = views;
  u8.set(MAGIC);
  u32[2] = FORMAT_VERSION;
  u32[3] = meta.pageSize;
  u8.set(meta.id, 16);
  setU64(u32, 32, meta.tx);
  setU64(u32, 40, meta.timeMicros);
  setU64(u32, 48, meta.pages);
  u8[54] = meta.directoryDepth;
  u8[55] = meta.unerased ? UNERASED : 0;
  writePointer(views, 56, meta.directory);
  setU64(u32, 80, meta.previousTx);
  setU64(u32, 88, meta.log.position);
  u32[96 >>> 2] = meta.log.crc;
  u32[100 >>> 2] = meta.moves;
  setU64(u32, 104, meta.checkpoint);
  views.u16[56] = meta.freeList.length;
  u8.set(meta.freeList, DESCRIPTOR_AT);
  u32[CRC_AT >>> 2] = crc32(u8.subarray(0, CRC_AT));
  return u8;
}

export function decodeMeta(bytes: Uint8Array): Found {
  const views = new PageViews(bytes.slice(0, META_BYTES).buffer, 0, META_BYTES);
  const { u8, u32 } = views;
  if (!MAGIC.every((byte, i) => u8[i] === byte)) return { problem: "absent" };
  if (crc32(u8.subarray(0, CRC_AT)) !== u32[CRC_AT >>> 2]) return { problem: "damaged" };
  if (u32[2] !== FORMAT_VERSION) return { problem: "version", version: u32[2] };
  const length = views.u16[56];
  if (!PAGE_SIZES.includes(u32[3]) || length > MAX_DESCRIPTOR_BYTES) return { problem: "damaged" };
  return {
    meta: {
      pageSize: u32[3],
      id: u8.slice(16, 32),
      tx: getU48(views, 32),
      timeMicros: u32[10] + u32[11] * TWO_32,
      moves: u32[100 >>> 2],
      pages: getU48(views, 48),
      directoryDepth: u8[54],
      directory: readPointer(views, 56, new PagePointer()),
      previousTx: getU48(views, 80),
      log: { position: getU48(views, 88), crc: u32[96 >>> 2] },
      checkpoint: getU48(views, 104),
      unerased: (u8[55] & UNERASED) !== 0,
      freeList: u8.slice(DESCRIPTOR_AT, DESCRIPTOR_AT + length),
    },
  };
}

/** The checksum that a meta page carries. */
export function metaCrc(meta: Meta): number {
  return new DataView(encodeMeta(meta).buffer).getUint32(CRC_AT, true);
}

/** The byte at which a meta page lies. */
export function metaPosition(checkpoint: number, pageSize: number): number {
  return (checkpoint % META_PAGES) * pageSize;
}

/** The newest meta page that counts, and what else was found. */
export interface FoundMeta {
  readonly meta: Meta;
  /** That of the checkpoint before, where it counts. */
  readonly older: Meta | undefined;
  /** One of the three does not count: it may have been the newest. */
  readonly damaged: boolean;
}

/**
 * Reads the three meta pages.
 *
 * @throws LlmdbError `LLMDB_NOT_A_DATABASE`, `LLMDB_FORMAT_VERSION`, or `LLMDB_CORRUPT` where two are damaged: a crash
 * can only ruin one
 */
export function readNewestMeta(file: StorageFile, path: string): FoundMeta {
  const found = [readMetaAt(file, 0, 0)];
  const pageSizes = "meta" in found[0] ? [found[0].meta.pageSize] : PAGE_SIZES;
  for (const pageSize of pageSizes) {
    for (let slot = 1; slot < META_PAGES; slot++) found.push(readMetaAt(file, slot, pageSize));
  }
  const valid = found.flatMap((one) => ("meta" in one ? [one.meta] : []));
  if (valid.length < 2) throw noMeta(found, path);
  valid.sort((a, b) => b.checkpoint - a.checkpoint);
  const meta = valid[0];
  const older = valid.find(({ checkpoint }) => checkpoint === meta.checkpoint - 1);
  return { meta, older, damaged: valid.length < META_PAGES };
}

function readMetaAt(file: StorageFile, slot: number, pageSize: number): Found {
  const bytes = new Uint8Array(META_BYTES);
  const position = slot * pageSize;
  if (file.read(bytes, 0, META_BYTES, position) < META_BYTES) {
    // Passing over a meta page that is there would lose what it leads to.
    if (file.size() >= position + META_BYTES) throw failure("EIO", "read a meta page of", "the database file");
    return { problem: "absent" };
  }
  const found = decodeMeta(bytes);
  if (!("meta" in found)) return found;
  const { meta } = found;
  const isItsPlace = meta.checkpoint % META_PAGES === slot && (slot === 0 || meta.pageSize === pageSize);
  return isItsPlace ? found : { problem: "absent" };
}

function noMeta(found: Found[], path: string): LlmdbError {
  for (const one of found) {
    if ("problem" in one && one.problem === "version") {
      return new LlmdbError(
        "LLMDB_FORMAT_VERSION",
        `${path} has format ${one.version}; this llmdb reads format ${FORMAT_VERSION}; use a matching one`,
        { path, version: one.version },
      );
    }
  }
  if (found.some((one) => "meta" in one || one.problem === "damaged")) {
    const message = `more than one of the three meta pages of ${path} is damaged; restore a backup`;
    return new LlmdbError("LLMDB_CORRUPT", message, { path });
  }
  return new LlmdbError("LLMDB_NOT_A_DATABASE", `${path} is not an LLMDB database; check the path`, { path });
}

function setU64(u32: Uint32Array, at: number, value: number): void {
  u32[at >>> 2] = value % TWO_32;
  u32[(at >>> 2) + 1] = Math.floor(value / TWO_32);
}

function getU48(views: PageViews, at: number): number {
  return views.u32[at >>> 2] + views.u16[(at + 4) >>> 1] * TWO_32;
}
