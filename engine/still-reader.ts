/**
 * Reads of one state that leave everything as it is: pages go to a small cache of the reader's own. Guarantees: what
 * reads so may be cut off between any two steps, and nobody else notices; pages that are in memory are seen as they
 * are, changed ones of a running transaction too.
 *
 * A reader is good for as long as the state does not change, and no longer.
 */
import { validateNode } from "../btree/validate.js";
import type { PageStore } from "../mvcc/page-store.js";
import { PageCache } from "../pager/page-cache.js";
import { PageReader } from "../pager/page-reader.js";
import type { ByteSource } from "./byte-source.js";

/** As few as a cache has. */
const CACHE_BYTES = 0;

/** @param reader sees the state */
export function stillReader(store: PageStore, reader: PageReader): PageReader {
  const { data, pageSize } = store;
  const shared = reader.cache;
  const source = {
    pageCount: () => data.pageCount(),
    readPage: (page: number, into: Uint8Array, offset: number) => data.readPage(page, into, offset),
    copyChecked: (page: number, into: Uint8Array, offset: number) => {
      const frame = reader.resident(page);
      if (frame < 0) return false;
      const base = shared.base(frame);
      into.set(shared.views(frame).u8.subarray(base, base + pageSize), offset);
      return true;
    },
  };
  const cache = new PageCache(pageSize, CACHE_BYTES, source, validateNode);
  for (const [page, crc] of shared.written) cache.written.set(page, crc);
  return new PageReader(cache);
}

/** A map, read so. The index of keys that were found before is left out, because reading changes it. */
export function stillSource({ tree, extents }: ByteSource, reader: PageReader): ByteSource {
  return { tree: tree.share(), reader, extents };
}
