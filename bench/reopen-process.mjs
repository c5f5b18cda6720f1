/** One step of what `reopen.mjs` measures. Guarantees: the database is left as it is; the parent ends the process. */
import { statSync } from "node:fs";
import { randomNumbers } from "./data-set.mjs";

const VALUE_BYTES = 256;
const BATCH = 1000;
/** What an entry takes in the file, about: leaves that were filled in random order are not full, and pages are free. */
const ENTRY_BYTES = 580;
/** A checkpoint starts when the log has so many bytes of commits, unless an option says otherwise. */
const CHECKPOINT_BYTES = 64 * 1024 * 1024;
/** With a smaller cache, checkpoints start because of it before the log is full. */
const FILL_CACHE_BYTES = 4 * 1024 * 1024 * 1024;
const MARGIN_BYTES = 512 * 1024;
const SECTOR_BYTES = 4096;
/** A record with the name of its map, and each put in it, as docs/format.md has them. */
const RECORD_BYTES = 56 + 11 + 8;
const OPERATION_BYTES = 7;
const KEY_BYTES = 15;

const path = process.argv[2];
const { open } = await import(process.env.LLMDB ?? "../dist/index.js");
const pool = new Uint8Array(1024 * 1024);
const next = randomNumbers(7);
for (let i = 0; i < pool.length; i++) pool[i] = next() >>> 24;

/** Random-looking, the same for the same number. */
function key(i) {
  const mixed = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  return `${mixed.toString(36).padStart(7, "0")}${(i % 1296).toString(36).padStart(6, "0")}`;
}

function value() {
  const at = next() % (pool.length - VALUE_BYTES);
  return pool.subarray(at, at + VALUE_BYTES);
}

const requests = {
  /** Fills a new database and closes it. */
  build({ fileBytes }) {
    const db = open(path);
    const count = entriesIn(fileBytes);
    for (let from = 0; from < count; from += 10_000) {
      db.transactionSync((tx) => {
        const entries = tx.map("entries", { values: "bytes" });
        for (let i = from; i < Math.min(count, from + 10_000); i++) entries.put(key(i), value());
      });
    }
    db.closeSync();
    return { builtBytes: statSync(path).size };
  },

  /** Fills the log with commits of random keys, as far as it goes without a checkpoint; the process is killed then. */
  fill({ fileBytes, filling }) {
    const db = open(path, {
      durability: filling === "buffered" ? "buffered" : "durable",
      cacheBytes: FILL_CACHE_BYTES,
    });
    const map = db.map("entries", { values: "bytes" });
    const count = entriesIn(fileBytes);
    const puts = filling === "batches" ? BATCH : 1;
    const record = RECORD_BYTES + puts * (OPERATION_BYTES + KEY_BYTES + VALUE_BYTES);
    // What is synced begins a sector of its own.
    const logged = filling === "buffered" ? record : Math.ceil(record / SECTOR_BYTES) * SECTOR_BYTES;
    const commits = Math.floor((CHECKPOINT_BYTES - MARGIN_BYTES) / logged);
    for (let i = 0; i < commits; i++) {
      if (puts === 1) map.putSync(key(next() % count), value());
      else {
        db.transactionSync((tx) => {
          const entries = tx.map("entries", { values: "bytes" });
          for (let k = 0; k < puts; k++) entries.put(key(next() % count), value());
        });
      }
    }
    const { checkpoints, durableTx, lastTx } = db.stats();
    if (checkpoints > 0) throw new Error("a checkpoint was made: the log is not full");
    return { commits, synced: commits - (lastTx - durableTx) };
  },

  open() {
    const before = process.cpuUsage();
    const start = performance.now();
    const db = open(path);
    const ns = (performance.now() - start) * 1e6;
    const { user, system } = process.cpuUsage(before);
    const rssMiB = Math.round(process.memoryUsage().rss / 2 ** 20);
    return { ns, processorNs: (user + system) * 1000, replayed: db.recovered.replayed, rssMiB };
  },
};

function entriesIn(fileBytes) {
  return Math.floor(fileBytes / ENTRY_BYTES);
}

process.on("message", ({ request, ...details }) => {
  try {
    process.send(requests[request](details));
  } catch (error) {
    process.send({ error: error instanceof Error ? error.message : String(error) });
  }
});
