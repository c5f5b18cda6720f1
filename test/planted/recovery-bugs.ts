/** Bugs in what opening does: reading the meta pages, replaying the log, and making durable what is shown. */
import type { PlantedBug } from "./planted-bug.js";

export const RECOVERY_BUGS: readonly PlantedBug[] = [
  {
    name: "a meta page's checksum is not checked",
    file: "pager/meta.ts",
    find: "if (crc32(u8.subarray(0, CRC_AT)) !== u32[CRC_AT >>> 2])",
    replace: "if (MAGIC.length === 0)",
  },
  {
    name: "the older of two valid meta pages is taken",
    file: "pager/meta.ts",
    find: "valid.sort((a, b) => b.checkpoint - a.checkpoint);",
    replace: "valid.sort((a, b) => a.checkpoint - b.checkpoint);",
  },
  {
    name: "commits are replayed that the checkpoint holds",
    file: "engine/recovery.ts",
    find: "if (meta.log.position > 0) return LogChain.read(file, name, meta.log);",
    replace:
      "const start = (this.#found.older?.log.position ?? 0) > 0 ? this.#found.older.log : meta.log;\n" +
      "    if (meta.log.position > 0) return LogChain.read(file, name, start);",
  },
  {
    name: "recovery does not confirm the newest meta page",
    file: "engine/recovery.ts",
    find: "      this.#confirmMeta(engine, log.chain.anchor);\n",
    replace: "",
  },
  {
    name: "recovery confirms the newest meta page in its place",
    file: "engine/recovery.ts",
    find: "checkpoint: meta.checkpoint + 1, log",
    replace: "checkpoint: meta.checkpoint, log",
  },
  {
    name: "a log is removed although the newest meta page may not be durable",
    file: "engine/recovery.ts",
    find: "    this.#confirmMeta(engine, { position: 0, crc: 0 });\n",
    replace: "",
    torture: { exhaustive: { commits: 1, keys: 1 } },
  },
  {
    name: "recovery states nothing again",
    file: "engine/recovery.ts",
    find: "const durableTx = Math.min(chain.durableTx, chain.tx);",
    replace: "const durableTx = chain.tx;",
  },
  {
    name: "recovery does not sync the log",
    file: "engine/recovery.ts",
    find: "    log.sync();\n    journal.adopt(log, !resumed);",
    replace: "    journal.adopt(log, !resumed);",
  },
  {
    name: "recovery overwrites the log that it has read",
    file: "engine/recovery.ts",
    find: "const head = alignSector(chain.endPosition);",
    replace: "const head = SECTOR_BYTES;",
  },
  {
    name: "after recovery the log forgets what it replayed",
    file: "engine/recovery.ts",
    find: "journal.limitBytes, this.#tail(file), head);",
    replace: "journal.limitBytes, head, head);",
  },
  {
    name: "the leftover of a creation is not removed",
    file: "engine/create.ts",
    find: '  if (storage.kind(name) !== "file") return false;\n',
    replace: "  if (storage !== undefined) return false;\n",
  },
  {
    name: "the database gets its name before it is synced",
    file: "engine/create.ts",
    find: "    file.sync();\n    // Only one process",
    replace: "    // Only one process",
  },
  {
    name: "the database's folder is not synced once it is made",
    file: "engine/create.ts",
    find: "  storage.syncDirectory(path);\n",
    replace: "",
  },
  {
    name: "a read-only open cleans up",
    file: "engine/recovery.ts",
    find: 'const log = this.#find("read");',
    replace: 'removeLeftover(this.#storage, logName(this.#path));\n    const log = this.#find("read");',
  },
  {
    name: "pages that the older meta page reaches are free at open",
    file: "engine/open.ts",
    find: "const freed = Math.max(meta.tx, meta.previousTx + 1);",
    replace: "const freed = 0;",
  },
];
