/**
 * Ten products, their release cycles, and what a public catalogue said about each cycle at which moment. Stores the
 * 2,138 statements of `examples/data/software-support/` in ordered maps, closes the database, opens it again, and
 * answers three questions from what is on disk. Run it with `npm run example`.
 *
 * A key is a tuple `[product, cycle, recordedAt]`. Tuples are ordered element by element, so everything about a
 * product, or about one of its cycles, lies side by side and in the order in which it was recorded.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open } from "llmdb";

/** All statements of all products, oldest first. */
function readStatements() {
  const folder = join(import.meta.dirname, "data", "software-support");
  const files = readdirSync(folder).filter((name) => name.endsWith(".jsonl"));
  const lines = files.flatMap((name) => readFileSync(join(folder, name), "utf8").trim().split("\n"));
  const statements = lines.map((line) => JSON.parse(line));
  return statements.sort((a, b) => (a.recordedAt < b.recordedAt ? -1 : a.recordedAt > b.recordedAt ? 1 : 0));
}

/** Stores the statements, those recorded at one instant as one transaction. Returns how many transactions that were. */
async function store(db, statements) {
  const commits = [];
  for (let from = 0; from < statements.length; ) {
    const { recordedAt } = statements[from];
    let to = from;
    while (to < statements.length && statements[to].recordedAt === recordedAt) to++;
    const together = statements.slice(from, to);
    // Not awaited one by one: commits that wait at the same time share their syncs.
    commits.push(db.transaction((tx) => putTogether(tx, together)));
    from = to;
  }
  await Promise.all(commits);
  return commits.length;
}

function putTogether(tx, statements) {
  const all = tx.map("statements");
  const cycles = tx.map("cycles");
  for (const { product, cycle, recordedAt, ...said } of statements) {
    all.put([product, cycle, recordedAt], said);
    cycles.put([product, cycle], (cycles.get([product, cycle]) ?? 0) + 1);
  }
}

/** The last thing said about a cycle at or before an instant: the end of a range, read backwards. */
function knownAt(statements, product, cycle, instant) {
  const range = { prefix: [product, cycle], lte: [product, cycle, instant], reverse: true, limit: 1 };
  for (const said of statements.values(range)) return said;
  return undefined;
}

/** Whether a cycle was supported on a day, going by what was said about it. */
function isSupported(said, day) {
  if (said === undefined || said.op === "retract" || said.eol === true) return false;
  const released = said.releaseDate === null || said.releaseDate <= day;
  return released && (typeof said.eol !== "string" || day < said.eol);
}

function supportedCycles(db, product, day, instant) {
  const statements = db.map("statements");
  const cycles = [...db.map("cycles").keys({ prefix: [product] })].map(([, cycle]) => cycle);
  const supported = cycles.filter((cycle) => isSupported(knownAt(statements, product, cycle, instant), day));
  return supported.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** What was said about the end of life of a cycle, where that changed. */
function corrections(db, product, cycle) {
  const found = [];
  for (const [[, , at], said] of db.map("statements").range({ prefix: [product, cycle] })) {
    const end = said.op === "retract" ? "withdrawn" : String(said.eol);
    if (found.at(-1)?.end !== end) found.push({ at, end });
  }
  return found;
}

function report(db, statements, transactions) {
  const map = db.map("statements");
  const { pageSize, pages, maps } = db.stats();
  if (map.count() !== statements.length) throw new Error(`${map.count()} statements were read back`);
  if (!db.verify().ok) throw new Error("the database is damaged");
  console.log(`stored ${statements.length} statements in ${transactions} transactions, closed, opened again, verified`);
  console.log(`${pages} pages of ${pageSize} bytes; ${maps.cycles.entries} release cycles\n`);

  console.log("Statements per product, by count() of a prefix:");
  const products = [...new Set(statements.map(({ product }) => product))].sort();
  for (const product of products) {
    console.log(`  ${product.padEnd(12)}${String(map.count({ prefix: [product] })).padStart(5)}`);
  }

  const last = statements.at(-1).recordedAt;
  console.log("\nNode.js release cycles supported on 2023-10-01:");
  for (const instant of ["2020-11-01T00:00:00Z", "2021-01-01T00:00:00Z", "2022-01-01T00:00:00Z", last]) {
    const cycles = supportedCycles(db, "nodejs", "2023-10-01", instant);
    console.log(`  as known on ${instant.slice(0, 10)}:  ${cycles.join(", ") || "none"}`);
  }

  console.log("\nWhat was recorded about the end of life of Node.js 16:");
  for (const { at, end } of corrections(db, "nodejs", "16")) console.log(`  ${at}  ${end}`);
}

const folder = mkdtempSync(join(tmpdir(), "llmdb-example-"));
try {
  const path = join(folder, "support-windows.llmdb");
  const statements = readStatements();
  const written = open(path);
  const transactions = await store(written, statements);
  await written.close();

  const db = open(path, { create: false });
  report(db, statements, transactions);
  await db.close();
} finally {
  rmSync(folder, { recursive: true });
}
