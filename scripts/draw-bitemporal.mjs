/**
 * Draws the pictures of docs/bitemporal.md with the code of the package itself: `npm run build`, then
 * `node scripts/draw-bitemporal.mjs [folder]`; the folder is docs/images where none is given. The same every time.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { drawVersions, openMemory } from "llmdb";

const folder = process.argv[2] ?? join(import.meta.dirname, "..", "docs", "images");
const always = { validFrom: -Infinity, validTo: Infinity };

function draw(name, versions, options) {
  writeFileSync(join(folder, `${name}.svg`), drawVersions(versions, options));
}

/** What examples/data/software-support/nodejs.jsonl says about the support of Node.js 16, where that changed. */
function drawNode16() {
  const db = openMemory({ clock: () => Date.parse("2026-08-21") });
  const key = ["nodejs", "16"];
  const record = (time, body) => db.transactionSync(body, { time });
  const assert = (tx) => {
    tx.put(key, "active", { validFrom: "2021-04-20", validTo: "2022-10-18" });
    tx.put(key, "security", { validFrom: "2022-10-18", validTo: "2024-04-30" });
  };
  record("2020-10-28T08:17:45Z", assert);
  record("2020-12-22T20:20:45Z", (tx) => tx.delete(key, always));
  record("2021-04-20T16:03:18Z", assert);
  draw("node-16-before", db.versions(key), {
    title: "Node.js 16, as recorded until June 2022",
    marks: [{ validAt: "2023-10-01", knownAt: "2022-01-01" }],
  });
  record("2022-06-11T16:15:42Z", (tx) => tx.delete(key, { validFrom: "2023-09-11" }));
  draw("node-16-after", db.versions(key), {
    title: "Node.js 16, as recorded since June 2022",
    marks: [
      { validAt: "2023-10-01", knownAt: "2022-01-01" },
      { validAt: "2023-10-01", knownAt: "2022-06-11T16:15:42Z" },
    ],
  });
  db.closeSync();
}

/** How later writes cut what was known. */
function drawCuts() {
  const db = openMemory({ clock: () => Date.parse("2026-01-01") });
  db.putSync("key", "v1", { validFrom: "2020" });
  db.updateSync("key", () => "v2", { validFrom: "2022", validTo: "2024" });
  db.deleteSync("key", { validFrom: "2023", validTo: "2025" });
  draw("cuts", db.versions("key"), { title: "put, update, delete: three transactions", known: "tx" });
  db.closeSync();
}

mkdirSync(folder, { recursive: true });
drawNode16();
drawCuts();
