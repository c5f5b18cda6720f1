/**
 * Posting lists in an ordered map: for each list, numbers in ascending order, cut into blocks. Guarantees: what was put
 * in and not taken out is read back in order; a change touches one block, and two where it splits.
 *
 * A list is named by a prefix of keys. A block's key is the prefix and its base, which is not above its first number.
 */
import type { Key } from "../../engine/key.js";
import type { Range } from "../../engine/range.js";
import { LlmdbError } from "../../pager/error.js";
import { BlockReader, BlockWriter, MAX_BLOCK_BYTES } from "./posting-block.js";

/** One number in a list, with what goes with it. */
export interface Posting {
  readonly at: number;
  readonly extras: readonly number[];
}

export type BlockKey = readonly [...Key[], number];

/** The map that has the blocks. */
export interface BlockMap {
  range(range?: Range): Iterable<readonly [BlockKey, Uint8Array]>;
  keys(range?: Range): Iterable<BlockKey>;
  count(range?: Range): number;
}

/** The same, to write. */
export interface WrittenBlockMap extends BlockMap {
  put(key: BlockKey, block: Uint8Array): void;
  delete(key: BlockKey): void;
}

/** Names a list. */
export type ListName = readonly Key[];

const writer = new BlockWriter();

/**
 * Calls `visit` for the postings of a list, in order; those of blocks that begin above `to` are left out, and of those
 * that end below `from` as far as that is known without reading them.
 */
export function scanPostings(
  map: BlockMap,
  list: ListName,
  reader: BlockReader,
  visit: (at: number, extras: readonly number[]) => void,
  { from = 0, to = Number.MAX_SAFE_INTEGER }: { from?: number; to?: number } = {},
): void {
  const base = from === 0 ? 0 : (floorBlock(map, list, from)?.base ?? 0);
  for (const [key, bytes] of map.range({ gte: [...list, base], lte: [...list, to] })) {
    reader.open(bytes, baseOf(key));
    while (reader.next()) visit(reader.at, reader.extras);
  }
}

/** How many blocks a list has. */
export function blockCount(map: BlockMap, list: ListName): number {
  return map.count({ prefix: [...list] });
}

/** Puts postings into a list: in ascending order, and none that is there already. */
export function addPostings(map: WrittenBlockMap, list: ListName, added: readonly Posting[]): void {
  let next = 0;
  while (next < added.length) {
    const block = floorBlock(map, list, added[next].at) ?? firstBlock(map, list);
    const limit = block === undefined ? Number.POSITIVE_INFINITY : followingBase(map, list, block.base);
    let end = next;
    while (end < added.length && added[end].at < limit) end++;
    if (end === next) {
      throw new LlmdbError("LLMDB_CORRUPT", "an index of texts is damaged; run verify(), and restore a backup");
    }
    const kept = block === undefined ? [] : readBlock(block, added[next].extras.length);
    if (block !== undefined && added[next].at < block.base) map.delete([...list, block.base]);
    writeBlocks(map, list, merge(kept, added.slice(next, end)), block?.base);
    next = end;
  }
}

/** Takes the postings with this number out, all or those that are meant; returns them. */
export function removePostings(
  map: WrittenBlockMap,
  list: ListName,
  at: number,
  extras: number,
  isMeant: (posting: Posting) => boolean = () => true,
): Posting[] {
  const block = floorBlock(map, list, at);
  if (block === undefined) return [];
  const kept: Posting[] = [];
  const removed: Posting[] = [];
  for (const posting of readBlock(block, extras)) {
    (posting.at === at && isMeant(posting) ? removed : kept).push(posting);
  }
  if (kept.length === 0) map.delete([...list, block.base]);
  else if (removed.length > 0) writeBlocks(map, list, kept, block.base);
  return removed;
}

interface Block {
  readonly base: number;
  readonly bytes: Uint8Array;
}

function baseOf(key: BlockKey): number {
  const base = key[key.length - 1];
  return typeof base === "number" ? base : 0;
}

/** The block in which a number is, if it is anywhere. */
function floorBlock(map: BlockMap, list: ListName, at: number): Block | undefined {
  for (const [key, bytes] of map.range({ gte: [...list, 0], lte: [...list, at], reverse: true, limit: 1 })) {
    return { base: baseOf(key), bytes };
  }
  return undefined;
}

function firstBlock(map: BlockMap, list: ListName): Block | undefined {
  for (const [key, bytes] of map.range({ prefix: [...list], limit: 1 })) return { base: baseOf(key), bytes };
  return undefined;
}

function followingBase(map: BlockMap, list: ListName, base: number): number {
  for (const key of map.keys({ gt: [...list, base], lte: [...list, Number.MAX_SAFE_INTEGER], limit: 1 })) {
    return baseOf(key);
  }
  return Number.POSITIVE_INFINITY;
}

function readBlock({ base, bytes }: Block, extras: number): Posting[] {
  const reader = new BlockReader(extras);
  const postings: Posting[] = [];
  reader.open(bytes, base);
  while (reader.next()) postings.push({ at: reader.at, extras: [...reader.extras] });
  return postings;
}

function merge(kept: readonly Posting[], added: readonly Posting[]): Posting[] {
  if (kept.length === 0 || kept[kept.length - 1].at < added[0].at) return [...kept, ...added];
  return [...kept, ...added].sort((a, b) => a.at - b.at);
}

/**
 * Writes postings as one block, or as several where one would be too long. Each begins with a number of its own, so
 * that equal numbers stay together. The first keeps its base where that is not above what it begins with.
 */
function writeBlocks(map: WrittenBlockMap, list: ListName, postings: readonly Posting[], base?: number): void {
  let start = Math.min(base ?? postings[0].at, postings[0].at);
  let last = -1;
  writer.begin(start);
  for (const { at, extras } of postings) {
    if (writer.length >= MAX_BLOCK_BYTES && at !== last) {
      map.put([...list, start], writer.finish());
      start = at;
      writer.begin(start);
    }
    writer.add(at, extras);
    last = at;
  }
  map.put([...list, start], writer.finish());
}
