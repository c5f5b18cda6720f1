/**
 * A database file as bytes that a test may damage, together with what each of its commits held. Guarantees: reading an
 * image either fails with a typed error or gives exactly what one of the commits held; a refused file is unchanged.
 */
import { type Database, LlmdbError, open } from "../../index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { describe, expectSame } from "../harness/index.js";

export const PAGE_BYTES = 4096;
/** Less than by default: the tables of the cache grow with it, and thousands of images are opened. */
export const CACHE_BYTES = 1024 * 1024;
const path = "damaged.llmdb";

/** By map: the bytes of each value by its key. */
export type Contents = Map<string, Map<string, Uint8Array>>;

/** A file with its history: `states.get(tx)` is what transaction `tx` left. */
export interface Original {
  readonly bytes: Uint8Array;
  /** The file as it was after each of the commits before the last. */
  readonly earlier: readonly Uint8Array[];
  readonly states: ReadonlyMap<number, Contents>;
}

/** What became of reading a damaged image. */
export interface Outcome {
  readonly refused: LlmdbError | undefined;
  readonly right: number;
  readonly failed: number;
  readonly cleanVerify: boolean;
}

/** Bytes that tell by their value where they come from. */
export function bytesOf(size: number, seed: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, i) => (i * 7 + seed) & 255);
}

/** Makes a file with leaves, branches, extents and free space, in five commits with a checkpoint after each. */
export async function makeOriginal(): Promise<Original> {
  const storage = memoryStorage();
  const db = open(path, { storage, pageSize: PAGE_BYTES });
  const states = new Map<number, Contents>();
  const current: Contents = new Map([
    ["rows", new Map()],
    ["large", new Map()],
  ]);
  const earlier: Uint8Array[] = [];
  for (let commit = 0; commit < 5; commit++) {
    db.transactionSync((tx) => {
      const put = (map: string, key: string, value: Uint8Array): void => {
        tx.map<string, Uint8Array>(map, { values: "bytes" }).put(key, value);
        current.get(map)?.set(key, value);
      };
      for (let i = commit; i < 500; i += commit + 1) {
        put("rows", `key/${String(i).padStart(6, "0")}`, bytesOf(80 + (i % 90), i + commit));
      }
      for (let i = 0; i < 8; i++) put("large", `blob/${i}`, bytesOf(2000 + i * 3000, i * commit));
      if (commit === 3) {
        for (let i = 100; i < 240; i++) {
          const key = `key/${String(i).padStart(6, "0")}`;
          tx.map<string>("rows").delete(key);
          current.get("rows")?.delete(key);
        }
      }
    });
    states.set(db.stats().lastTx, new Map([...current].map(([name, map]) => [name, new Map(map)])));
    await db.checkpoint();
    const file = storage.open(path, "read");
    const bytes = new Uint8Array(file.size());
    file.read(bytes, 0, bytes.length, 0);
    earlier.push(bytes);
  }
  db.closeSync();
  return { bytes: earlier.pop()!, earlier, states };
}

/** Opens an image and reads all of it; throws where anything is wrong that is not a typed error. */
export function readImage(image: Uint8Array, original: Original, what: string, readOnly = false): Outcome {
  const storage = memoryStorage();
  const file = storage.open(path, "create");
  file.write(image, 0, image.length, 0);
  const requireUnchanged = (): void => {
    const now = new Uint8Array(file.size());
    file.read(now, 0, now.length, 0);
    expectSame(now, image, `${what}: the file after it was read`);
  };
  let db: Database;
  try {
    db = open(path, { storage, create: false, readOnly, cacheBytes: CACHE_BYTES });
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw new Error(`${what}: open threw ${String(error)}`, { cause: error });
    requireUnchanged();
    return { refused: error, right: 0, failed: 0, cleanVerify: false };
  }
  using snapshot = db.snapshot();
  const state = original.states.get(snapshot.tx);
  if (state === undefined) throw new Error(`${what}: it opened at transaction ${snapshot.tx}`);
  const outcome = readState(db, state, what);
  const cleanVerify = db.verify().ok;
  db.closeSync();
  requireUnchanged();
  return { refused: undefined, ...outcome, cleanVerify };
}

/** Reads everything in every way; what it reads must be right. Counts what failed with a typed error. */
export function readState(db: Database, state: Contents, what: string): { right: number; failed: number } {
  let right = 0;
  let failed = 0;
  const attempt = (read: () => void): void => {
    try {
      read();
      right++;
    } catch (error) {
      if (!(error instanceof LlmdbError)) throw error;
      failed++;
    }
  };
  for (const [name, entries] of state) {
    attempt(() => expectSame(db.map(name).count(), entries.size, `${what}: count of ${name}`));
    for (const [key, value] of entries) {
      attempt(() => expectSame(db.map(name).getBytes(key), value, `${what}: ${name}, ${key}`));
    }
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const reverse of [false, true]) {
      const expected = reverse ? sorted.toReversed() : sorted;
      attempt(() => {
        let at = 0;
        for (const entry of db.map(name).range({ reverse })) {
          expectSame(entry, expected[at], `${what}: entry ${at++} of ${name}, ${describe(reverse)}`);
        }
        expectSame(at, expected.length, `${what}: entries of ${name}`);
      });
    }
  }
  return { right, failed };
}
