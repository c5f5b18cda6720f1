/**
 * Making an empty database file. Guarantees: the file appears under its name complete and durable or not at all,
 * because it is made under another name and moved: a crash in between leaves a leftover that the next open removes.
 */
import { encodeMeta, type Meta, metaPosition } from "../pager/meta.js";
import { FIRST_PAGE } from "../pager/page.js";
import { PagePointer } from "../pager/page-pointer.js";
import type { Storage } from "../pager/storage.js";

/** The name under which a database file is made before it is moved. */
export function unfinishedName(path: string): string {
  return `${path}-new`;
}

/** What the first meta page says. */
export function emptyMeta(storage: Storage, pageSize: number): Meta {
  const id = new Uint8Array(16);
  storage.random(id);
  return {
    pageSize,
    id,
    tx: 0,
    timeMicros: 0,
    pages: FIRST_PAGE,
    directory: new PagePointer(),
    directoryDepth: 0,
    previousTx: 0,
    checkpoint: 1,
    freeList: new Uint8Array(0),
  };
}

/** Makes an empty database at `path`, replacing an empty file. */
export function createDatabaseFile(storage: Storage, path: string, pageSize: number): void {
  const unfinished = unfinishedName(path);
  storage.unlink(unfinished);
  const file = storage.open(unfinished, "create");
  try {
    const meta = emptyMeta(storage, pageSize);
    file.truncate(FIRST_PAGE * pageSize);
    for (const checkpoint of [0, 1]) {
      const bytes = encodeMeta({ ...meta, checkpoint });
      file.write(bytes, 0, bytes.length, metaPosition(checkpoint, pageSize));
    }
    file.sync();
  } finally {
    file.close();
  }
  finishFile(storage, path);
}

/** Moves a finished and synced file to its name, durably. */
export function finishFile(storage: Storage, path: string): void {
  storage.rename(unfinishedName(path), path);
  storage.syncDirectory(path);
}
