/** `--alone`: every command that writes takes it; without it, a file that others could write to unseen is refused. */
import fs, { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { llmdb, scratchFolder } from "./in-process.js";

const NFS = 0x6969;
const folder = scratchFolder();
const db = join(folder, "shared.llmdb");
const env = { LLMDB_FILE: db };

afterEach(() => vi.restoreAllMocks());

test.runIf(process.platform === "linux")(
  "on a shared file system, writing takes --alone, and reading nothing",
  async () => {
    vi.spyOn(fs, "statfsSync").mockReturnValue({ ...fs.statfsSync("/"), type: NFS });
    const refused = await llmdb(["put", "key", "1"], { env });
    expect([refused.code, refused.out]).toEqual([1, ""]);
    expect(refused.err).toMatch(/cannot be locked for writing: its folder is on NFS.*--alone.*\(LLMDB_UNSUPPORTED\)/);
    expect(existsSync(db)).toBe(false);
    expect((await llmdb(["put", "key", "1", "--alone"], { env })).code).toBe(0);
    expect((await llmdb(["get", "key"], { env })).out).toBe("1\n");
    expect((await llmdb(["compact"], { env })).code).toBe(1);
    expect((await llmdb(["compact", "--alone"], { env })).code).toBe(0);
  },
);

const WRITING = ["put", "delete", "import", "remember", "forget", "compact", "repl", "mcp"];
const MODULES = ["put", "revoke", "attach", "detach"].map((name) => `module ${name}`);

test.each([...WRITING, ...MODULES])("%s has --alone", async (command) => {
  expect((await llmdb([...command.split(" "), "--help"], { env })).out).toContain("--alone");
});

test.each(["get", "recall", "stats", "verify", "backup"])("%s only reads, and has none", async (command) => {
  expect((await llmdb([command, "--alone"], { env })).code).toBe(2);
});
