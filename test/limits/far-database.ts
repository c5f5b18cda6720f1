/**
 * An empty database whose file already has so many pages, in use by nobody: what is written next gets page numbers from
 * there on. Guarantees: a valid file, and durable; on a sparse storage the pages before take no memory.
 */
import { encodeMeta, META_PAGES, metaPosition } from "../../pager/meta.js";
import { PagePointer } from "../../pager/page-pointer.js";
import type { Storage } from "../../pager/storage.js";

/** Makes the file. */
export function makeFarDatabase(storage: Storage, path: string, pages: number, pageSize: number): void {
  const file = storage.open(path, "create");
  for (let checkpoint = 0; checkpoint < META_PAGES; checkpoint++) {
    const meta = encodeMeta({
      pageSize,
      id: new Uint8Array(16),
      tx: 0,
      timeMicros: 0,
      moves: 0,
      pages,
      directory: new PagePointer(),
      directoryDepth: 0,
      previousTx: 0,
      log: { position: 0, crc: 0 },
      checkpoint,
      unerased: false,
      freeList: new Uint8Array(0),
    });
    file.write(meta, 0, meta.length, metaPosition(checkpoint, pageSize));
  }
  file.sync();
  file.close();
  storage.syncDirectory(path);
}
