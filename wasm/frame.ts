/**
 * The head of what a module is handed, 64 bytes, little-endian; `docs/wasm-modules.md` has the diagram. Guarantees: the
 * same call on the same state gets the same bytes, wherever and whenever it is made.
 */
import { TWO_32 } from "../pager/page.js";
import type { Call } from "./module-surface.js";

export const FRAME_BYTES = 64;
export const ABI_VERSION = 1;

/** Flags of a frame. */
export const FAST_FLOATS = 1;
/** The pages were built from the bitemporal store. */
export const TEMPORAL_PAGES = 2;

const CALL_NUMBERS: Readonly<Record<Call, number>> = {
  map_pages: 1,
  reduce_pages: 2,
  reduce_merge: 3,
  tx_hook: 4,
  custom_index: 5,
};

/** What is in it, besides what changes from call to call. */
export interface FrameHead {
  readonly call: Call;
  /** 0 where the data are no pages. */
  readonly pageSize: number;
  readonly arg: Uint8Array;
  readonly tx: number;
  readonly micros: number;
  readonly capabilities: number;
  readonly flags: number;
}

/** Where the data start: after the argument, at a multiple of 64. */
export function dataOffset(arg: Uint8Array): number {
  return (FRAME_BYTES + arg.length + 63) & ~63;
}

/** Writes frame and argument at a multiple of 16. */
export function writeFrame(u8: Uint8Array, u32: Uint32Array, at: number, head: FrameHead): void {
  const word = at >>> 2;
  u32[word] = ABI_VERSION | (CALL_NUMBERS[head.call] << 16);
  u32[word + 1] = 0;
  u32[word + 2] = head.pageSize;
  u32[word + 3] = dataOffset(head.arg);
  u32[word + 4] = FRAME_BYTES;
  u32[word + 5] = head.arg.length;
  writeU64(u32, word + 6, head.tx);
  writeU64(u32, word + 8, head.micros);
  u32[word + 10] = head.capabilities;
  u32[word + 11] = head.flags;
  u32.fill(0, word + 12, word + 16);
  u8.set(head.arg, at + FRAME_BYTES);
}

/** How many pages, changes or records there are. */
export function setCount(u32: Uint32Array, at: number, count: number): void {
  u32[(at >>> 2) + 1] = count;
}

/** How many bytes of an accumulator the call before left in the out window. */
export function setAccumulatorBytes(u32: Uint32Array, at: number, bytes: number): void {
  u32[(at >>> 2) + 12] = bytes;
}

function writeU64(u32: Uint32Array, word: number, value: number): void {
  u32[word] = value % TWO_32;
  u32[word + 1] = Math.floor(value / TWO_32);
}
