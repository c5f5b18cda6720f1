/** Where processes meet: one place for all paths to a file, private from the first moment. */
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, expect, test } from "vitest";
import { listenAt, meetingPlaces, ownerOf } from "../../server/sharing/meeting-place.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-place-"));
const servers: net.Server[] = [];

function server(): net.Server {
  const made = net.createServer();
  servers.push(made);
  return made;
}

afterEach(() => {
  for (const made of servers.splice(0)) made.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const longPath = join(folder, "x".repeat(120));

test("beside the file, or in a private folder where its path is too long", () => {
  const [beside, apart] = meetingPlaces(join(folder, "a"), folder);
  expect(beside.address).toBe(join(folder, "a-socket"));
  expect(apart.folder).toBe(join(folder, `llmdb-${process.getuid?.()}`));
  const [only, ...none] = meetingPlaces(longPath, folder);
  expect(none).toEqual([]);
  expect(only.address.startsWith(`${apart.folder}/`)).toBe(true);
  expect(() => meetingPlaces(longPath, longPath)).toThrow(expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }));
});

test("a socket has mode 0600 already under the name that it is bound to", async () => {
  const address = join(folder, "b-socket");
  const bound = server();
  const listening = listenAt([{ address }], bound);
  expect(lstatSync(`${address}-new`).mode & 0o777).toBe(0o600);
  const remove = await listening;
  expect(lstatSync(address).mode & 0o777).toBe(0o600);
  expect(existsSync(`${address}-new`)).toBe(false);
  remove();
  expect(existsSync(address)).toBe(false);
});

test("what a killed holder left is replaced, and only the own socket is removed", async () => {
  const address = join(folder, "c-socket");
  const removeFirst = await listenAt([{ address }], server());
  const removeSecond = await listenAt([{ address }], server());
  removeFirst();
  expect(ownerOf({ address })).toBe("own");
  removeSecond();
  expect(ownerOf({ address })).toBe("absent");
});

test("where the first place is not possible, it is the next", async () => {
  const [, apart] = meetingPlaces(join(folder, "d"), folder);
  writeFileSync(join(folder, "d-socket"), "not a socket");
  await listenAt(meetingPlaces(join(folder, "d"), folder), server());
  expect(ownerOf(apart)).toBe("own");
  expect(lstatSync(apart.folder ?? "").mode & 0o777).toBe(0o700);
  await expect(listenAt([{ address: join(folder, "d-socket") }], server())).rejects.toMatchObject({ code: "LLMDB_IO" });
});

test("a folder that others can open is refused", async () => {
  const shared = join(folder, "shared");
  mkdirSync(shared);
  chmodSync(shared, 0o755);
  const place = { address: join(shared, "s"), folder: shared };
  await expect(listenAt([place], server())).rejects.toMatchObject({ code: "LLMDB_IO" });
});
