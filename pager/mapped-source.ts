/**
 * Pages through memory-mapped segments of the file, with the optional package `mmap-io`. Guarantees: only whole pages
 * that the file had when it was mapped are looked at; writes never go through the mapping, so that a full disk is an
 * error and not a signal. A page that cannot be mapped is read into the cache like any other.
 *
 * Cutting the file from outside while it is mapped ends the process with SIGBUS: that is the nature of a mapping, and
 * why `pread` is the default.
 */
import type { DataFile } from "./data-file.js";
import { LlmdbError } from "./error.js";
import { PageViews } from "./page.js";
import type { PageSource } from "./page-cache.js";

/** What is used of `mmap-io`. */
interface MmapIo {
  readonly PROT_READ: number;
  readonly MAP_SHARED: number;
  map(size: number, protection: number, privacy: number, fd: number, offset: number): Uint8Array;
}

/** Larger maps fail in `mmap-io`. */
const SEGMENT_BYTES = 1024 * 1024 * 1024;

export class MappedSource implements PageSource {
  readonly #data: DataFile;
  readonly #mmap: MmapIo;
  readonly #descriptor: number;
  readonly #segments = new Map<number, Uint8Array>();

  constructor(data: DataFile, mmap: MmapIo, descriptor: number) {
    this.#data = data;
    this.#mmap = mmap;
    this.#descriptor = descriptor;
  }

  pageCount(): number {
    return this.#data.pageCount();
  }

  readPage(page: number, into: Uint8Array, offset: number): boolean {
    return this.#data.readPage(page, into, offset);
  }

  mapChunk(chunk: number, chunkBytes: number): PageViews | undefined {
    const start = chunk * chunkBytes;
    const number = Math.floor(start / SEGMENT_BYTES);
    const segmentStart = number * SEGMENT_BYTES;
    const { pageSize } = this.#data;
    const available = Math.floor((this.#data.file.size() - segmentStart) / pageSize) * pageSize;
    const length = Math.min(SEGMENT_BYTES, available);
    if (length <= start - segmentStart) return undefined;
    let segment = this.#segments.get(number);
    if (segment === undefined || segment.length < length) {
      segment = this.#mmap.map(length, this.#mmap.PROT_READ, this.#mmap.MAP_SHARED, this.#descriptor, segmentStart);
      this.#segments.set(number, segment);
    }
    const offset = start - segmentStart;
    return new PageViews(segment.buffer, segment.byteOffset + offset, Math.min(chunkBytes, length - offset));
  }
}

/**
 * The page source that was asked for.
 *
 * @throws LlmdbError `LLMDB_UNSUPPORTED` where `mmap` is asked for and cannot be had
 */
export function choosePageSource(data: DataFile, asked: "auto" | "pread" | "mmap"): PageSource {
  if (asked === "pread") return data;
  const mmap = loadMmapIo();
  const { descriptor } = data.file;
  if (mmap !== undefined && descriptor !== undefined) return new MappedSource(data, mmap, descriptor);
  if (asked === "auto") return data;
  throw new LlmdbError(
    "LLMDB_UNSUPPORTED",
    'pageSource "mmap" needs the package mmap-io and a database in a file; install mmap-io, or use "pread" or "auto"',
  );
}

function loadMmapIo(): MmapIo | undefined {
  try {
    // Loaded when it is needed: a program that opens a database and reads goes without.
    const loaded: unknown = process.getBuiltinModule("node:module").createRequire(import.meta.url)("mmap-io");
    return isMmapIo(loaded) ? loaded : undefined;
  } catch {
    // Absent, or built for another Node: both mean that mapping is not to be had.
    return undefined;
  }
}

function isMmapIo(loaded: unknown): loaded is MmapIo {
  return (
    typeof loaded === "object" && loaded !== null && "map" in loaded && "PROT_READ" in loaded && "MAP_SHARED" in loaded
  );
}
