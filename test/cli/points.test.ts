/** `as-of`, `diff`, `transactions`, `timeline`: many keys, many transactions, pictures. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { drawVersions, open } from "../../index.js";
import { jsonLines, llmdb, scratchFolder } from "./in-process.js";

const folder = scratchFolder();
const file = join(folder, "points.llmdb");
const env = { LLMDB_FILE: file };

beforeAll(async () => {
  const db = open(file);
  const year = (n: number) => `${2000 + n}`;
  for (let i = 1; i <= 4; i++) {
    const options = { time: year(i), ...(i === 2 && { meta: { by: "import", tokens: 9n } }) };
    db.transactionSync((tx) => {
      for (let k = 0; k <= i; k++) tx.put(`key/${k}`, k === 0 ? { v: i } : `v${k}`, { validFrom: year(k) });
      if (i === 4) tx.delete("key/3", { validFrom: "1990" });
      tx.put(["tuple", i], i);
    }, options);
  }
  await db.close();
});

test("as-of lists what holds at a point", async () => {
  const { out } = await llmdb(["as-of", "--prefix", "key/"], { env });
  expect(out).toBe('key    value\nkey/0  {"v":4}\nkey/1  v1\nkey/2  v2\nkey/4  v4\n');
  const early = await llmdb(["as-of", "--tx", "2", "--prefix", "key/", "--reverse", "--limit", "2", "--json"], { env });
  expect(jsonLines(early.out)).toEqual([
    { key: "key/2", value: "v2" },
    { key: "key/1", value: "v1" },
  ]);
  const tuples = await llmdb(
    ["list", "--prefix", '["tuple"]', "--gte", '["tuple",2]', "--lt", '["tuple",4]', "--json"],
    {
      env,
    },
  );
  expect(jsonLines(tuples.out)).toEqual([
    { key: ["tuple", 2], value: 2 },
    { key: ["tuple", 3], value: 3 },
  ]);
  const after = await llmdb(["list", "--gt-prefix", "key/1", "--lte-prefix", "key/", "--json"], { env });
  expect(jsonLines(after.out)).toMatchObject([{ key: "key/2" }, { key: "key/4" }]);
  const behind = ["list", "--gt-prefix", "key/", "--lte-prefix", '["tuple",2]', "--reverse", "--json"];
  expect(jsonLines((await llmdb(behind, { env })).out)).toMatchObject([{ key: ["tuple", 2] }, { key: ["tuple", 1] }]);
  const bad = await llmdb(["list", "--gt-prefix", "7"], { env });
  expect([bad.code, bad.err]).toEqual([2, expect.stringMatching(/a prefix is a string.*not a number/)]);
  const past = await llmdb(["as-of", "--known-at", "2003-06-01", "--valid-at", "2001-06-01", "--json"], { env });
  expect(jsonLines(past.out)).toEqual([
    { key: "key/0", value: { v: 3 } },
    { key: "key/1", value: "v1" },
    { key: ["tuple", 1], value: 1 },
  ]);
  expect(await llmdb(["as-of", "--prefix", "none"], { env })).toEqual({ code: 0, out: "", err: "" });
  expect((await llmdb(["as-of", "--tx", "5"], { env })).code).toBe(1);
});

test("diff says what is not the same", async () => {
  const { out } = await llmdb(["diff", "--from-tx", "3", "--prefix", "key/"], { env });
  expect(out).toBe('   key    before   after\n~  key/0  {"v":3}  {"v":4}\n-  key/3  v3\n+  key/4           v4\n');
  const json = await llmdb(["diff", "--from-tx", "3", "--to-tx", "4", "--valid-at", "2003-06-01", "--json"], { env });
  expect(jsonLines(json.out)).toEqual([
    { key: "key/0", before: { v: 3 }, after: { v: 4 } },
    { key: "key/3", before: "v3" },
  ]);
  const years = await llmdb(["diff", "--from-valid-at", "2001-06-01", "--to-valid-at", "2002-06-01", "--json"], {
    env,
  });
  expect(jsonLines(years.out)).toMatchObject([
    { key: "key/2", after: "v2" },
    { key: ["tuple", 2], after: 2 },
  ]);
  const part = ["diff", "--from-tx", "3", "--gt-prefix", "key/0", "--lte-prefix", "key/3", "--json"];
  expect(jsonLines((await llmdb(part, { env })).out)).toEqual([{ key: "key/3", before: "v3" }]);
  expect((await llmdb(["diff"], { env })).code).toBe(2);
  expect((await llmdb(["diff", "--valid-at", "2020"], { env })).code).toBe(2);
  expect((await llmdb(["diff", "--from-tx", "1", "--from-known-at", "2002"], { env })).code).toBe(2);
});

test("transactions are listed with who and why", async () => {
  const { out } = await llmdb(["transactions", "--limit", "2"], { env });
  const meta = '{"by":"import","tokens":{"$bigint":"9"}}';
  expect(out.split("\n")).toEqual([
    `tx  time        ${"meta".padEnd(meta.length)}  changes`,
    `1   2001-01-01  ${"".padEnd(meta.length)}  put key/0, put key/1, put ["tuple",1]`,
    `2   2002-01-01  ${meta}  put key/0, unchanged key/1, put key/2, and 1 more`,
    "",
  ]);
  const json = jsonLines(
    (await llmdb(["transactions", "--from", "2002", "--to", "2004", "--reverse", "--json"], { env })).out,
  );
  expect(json).toMatchObject([{ tx: 3 }, { tx: 2, time: "2002-01-01T00:00:00Z", meta: { tokens: { $bigint: "9" } } }]);
  expect(jsonLines((await llmdb(["transactions", "--after", "3", "--json"], { env })).out)).toHaveLength(1);
});

test("timeline draws, as an image and in text", async () => {
  const svg = join(folder, "key.svg");
  const marked = ["--valid-at", "2003-06-01", "--known-at", "2003-06-01"];
  const drawn = await llmdb(["timeline", "key/3", "--svg", svg, "--width", "800", ...marked], { env });
  expect(drawn).toEqual({ code: 0, out: `drew 1 slices to ${svg}\n`, err: "" });
  const db = open(file, { readOnly: true });
  const marks = [{ validAt: "2003-06-01", knownAt: "2003-06-01" }];
  expect(readFileSync(svg, "utf8")).toBe(drawVersions(db.versions("key/3"), { title: "key/3", width: 800, marks }));
  await db.close();
  expect((await llmdb(["timeline", "key/3", "--svg", "-", "--tx", "2"], { env })).out).toMatch(/^<svg/);
  const { out } = await llmdb(["timeline", "key/0"], { env });
  const lines = out.split("\n");
  expect(lines[0]).toMatch(/^tx 4 {2}2004-01-01 {2}····D+$/);
  expect(lines[3]).toMatch(/^tx 1 {2}2001-01-01 {2}····A+$/);
  expect(lines[4]).toBe(`${" ".repeat(22)}^ 2000-01-01`);
  expect(lines.slice(6)).toEqual(['A  {"v":1}', 'B  {"v":2}', 'C  {"v":3}', 'D  {"v":4}', ""]);
  const gone = await llmdb(["timeline", "key/3"], { env });
  expect(gone.out.split("\n")[0]).toMatch(/^tx 4 {2}2004-01-01 {2}·+$/);
  expect(JSON.parse((await llmdb(["timeline", "key/0", "--json"], { env })).out).versions).toHaveLength(4);
  expect((await llmdb(["timeline", "none"], { env })).code).toBe(1);
  expect((await llmdb(["timeline", "key/0", "--tx", "1"], { env })).code).toBe(2);
  expect((await llmdb(["timeline", "key/0", "--svg", join(folder, "no/such/folder.svg")], { env })).code).toBe(1);
  expect((await llmdb(["timeline", "key/0", "--svg", svg, "--width", "5"], { env })).code).toBe(2);
});
