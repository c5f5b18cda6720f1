/**
 * A damaged page in a database with hooks: it opens, it says what is damaged, and no write to a map with a hook goes
 * past the hook because nobody could read that there is one.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Database, LlmdbError, open } from "../../index.js";
import { freshPath } from "../map/fresh.js";
import { exampleModule } from "./module-text.js";

const PAGE_BYTES = 4096;
const FIRST_PAGE = 3;

/** Whether it was written; that something is damaged is no answer. */
function writes(db: Database): boolean {
  try {
    db.map("edges").putSync(["x", "b"], 1);
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: "LLMDB_CORRUPT" });
    return false;
  }
}

function read(db: Database): unknown {
  try {
    return db.map("reverse").get(["b", "x"]);
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_CORRUPT") return 1;
    throw error;
  }
}

test("each page damaged in turn", async () => {
  const path = freshPath();
  const db = open(path, { pageSize: PAGE_BYTES });
  await db.modules.put(exampleModule("reverse-edges-as"), { name: "edges", capabilities: ["get"] });
  await db.modules.attach("edges", "edges", { on: "tx_hook", writes: ["reverse", "degree"] });
  db.map("edges").putSync(["a", "b"], 1);
  db.closeSync();
  const file = readFileSync(path);
  let refused = 0;
  for (let page = FIRST_PAGE; page < file.length / PAGE_BYTES; page++) {
    const damaged = Buffer.from(file);
    damaged[page * PAGE_BYTES + 40] ^= 0x55;
    const copy = freshPath();
    writeFileSync(copy, damaged);
    const other = open(copy);
    expect(() => other.verify()).not.toThrow();
    if (writes(other)) expect(read(other)).toBe(1);
    else refused++;
    try {
      other.closeSync();
    } catch (error) {
      expect(error).toMatchObject({ code: "LLMDB_CORRUPT" });
    }
  }
  expect(refused).toBeGreaterThan(1);
});
