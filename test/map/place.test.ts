/** A database can be named by a path, by a `file:` URL, or as one in memory. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, expect, test } from "vitest";
import { open } from "../../index.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb place %20-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a file: URL means the file of its path, to open and to back up to", async () => {
  const [path, copy] = [join(folder, "a b#c.llmdb"), join(folder, "copy of é.llmdb")];
  const db = open(pathToFileURL(path));
  expect(db.path).toBe(path);
  await db.put("k", 1);
  await db.backup(pathToFileURL(copy));
  await db.close();
  for (const file of [path, copy]) {
    const again = open(file, { readOnly: true });
    expect(again.get("k")).toBe(1);
    await again.close();
  }
});

test(":memory: is a database of its own in memory, and leaves no file", async () => {
  const [one, two] = [open(":memory:"), open(":memory:")];
  await one.put("k", 1);
  expect([one.get("k"), two.get("k")]).toEqual([1, undefined]);
  await Promise.all([one.close(), two.close()]);
  expect(existsSync(":memory:")).toBe(false);
});

test.each(["https://example.org/a.llmdb", "file://elsewhere.example/a.llmdb", "file:///a%2Fb", "data:,x"])(
  "%s is refused",
  async (href) => {
    const refused = { code: "LLMDB_INVALID_ARGUMENT", details: { url: new URL(href).href } };
    expect(() => open(new URL(href))).toThrow(expect.objectContaining(refused));
    await using db = open(":memory:");
    await expect(db.backup(new URL(href))).rejects.toMatchObject(refused);
  },
);
