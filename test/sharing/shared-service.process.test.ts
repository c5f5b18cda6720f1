/** One database, several users of it in one process: roles, errors, what goes over the socket, the hand-over. */
import { existsSync, lstatSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { open } from "../../index.js";
import { encodeFrame, FrameReader } from "../../server/sharing/frame.js";
import { PROTOCOL } from "../../server/sharing/message.js";
import type { Service } from "../../server/sharing/service.js";
import { SharedService, type SharingOptions } from "../../server/sharing/shared-service.js";
import { openToy } from "./toy-service.js";

const folder = mkdtempSync(join(tmpdir(), "llmdb-share-"));
let path = "";
let databases = 0;
const opened: SharedService[] = [];

beforeEach(() => {
  path = join(folder, `${++databases}.llmdb`);
});
afterEach(async () => {
  for (const shared of opened.splice(0).reverse()) await shared.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function share(options: Partial<SharingOptions> = {}): Promise<SharedService> {
  const shared = await SharedService.open({ path, openService: (emit) => openToy(path, emit), ...options });
  opened.push(shared);
  return shared;
}

/** A program that says `bytes` to the holder; resolves when the connection has ended. */
function say(...pieces: Buffer[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(`${path}-socket`);
    socket.on("error", () => {});
    socket.resume().on("close", () => resolve());
    for (const piece of pieces) socket.write(piece);
  });
}

/** What the holder replies to the requests of a guest that sends all of them at once. */
function ask(requests: readonly object[], digit = "0"): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const replies: unknown[] = [];
    const reader = new FrameReader();
    const socket = net.connect(`${path}-socket`).on("error", reject);
    socket.on("data", (piece) => {
      replies.push(...reader.read(piece));
      // The first is the hello.
      if (replies.length > requests.length) socket.destroy();
    });
    socket.on("close", () => resolve(replies.slice(1)));
    const caller = digit.repeat(32);
    socket.write(Buffer.concat([{ protocol: PROTOCOL, service: "", pid: 1, caller }, ...requests].map(encodeFrame)));
  });
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

function frameOf(text: string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(text.length);
  return Buffer.concat([header, Buffer.from(text)]);
}

const hello = encodeFrame({ protocol: PROTOCOL, service: "", pid: 1, caller: "0".repeat(32) });

test("the first is the holder, the others are guests, and both get the same answers", async () => {
  const holder = await share();
  const guest = await share();
  expect([holder.role, guest.role]).toEqual(["holder", "guest"]);
  const beyondJson = [
    1497549923779084388n,
    2 ** 60,
    -0,
    Number.NaN,
    new Uint8Array([1]),
    new Date(0),
    { $bigint: "7" },
  ];
  const given = { text: "ü\u0000", list: [1, null, undefined], beyondJson, none: undefined };
  for (const shared of [holder, guest]) {
    const got = await shared.call("echo", given);
    expect(got).toStrictEqual({ text: "ü\u0000", list: [1, null, null], beyondJson });
    expect(got).not.toBe(given);
    expect(await shared.call("echo")).toBeUndefined();
    await expect(shared.call("refuse")).rejects.toMatchObject({
      name: "LlmdbError",
      code: "LLMDB_TIME_ORDER",
      message: "refused",
      details: { tx: 7 },
    });
    await expect(shared.call("break")).rejects.toThrow("broken");
    expect(await shared.call("bigint")).toBe(1n);
  }
});

test("50 parallel calls of one process are 50 writes, in either role", async () => {
  const holder = await share();
  const guest = await share();
  for (const shared of [holder, guest]) {
    await Promise.all(Array.from({ length: 50 }, (_, i) => shared.call("add", `${shared.role} ${i}`)));
  }
  const log = await guest.call("log");
  expect(new Set(Array.isArray(log) ? log : [])).toHaveProperty("size", 100);
});

test("calls do not wait for each other", async () => {
  await share();
  const guest = await share();
  const order: unknown[] = [];
  const note = (value: unknown) => order.push(value);
  await Promise.all([guest.call("sleep", 60).then(note), guest.call("sleep", 5).then(note)]);
  expect(order).toEqual([5, 60]);
});

test("more calls than run at once are answered, with long parameters", async () => {
  await share();
  const guest = await share();
  const text = "x".repeat(2000);
  const calls = Array.from({ length: 3000 }, (_, i) => guest.call("echo", [i, text]));
  expect(await Promise.all(calls)).toEqual(calls.map((_, i) => [i, text]));
});

test("a symbolic link leads to the same holder", async () => {
  await share();
  const link = `${path}.link`;
  symlinkSync(path, link);
  expect((await share({ path: link, openService: () => openToy(link) })).role).toBe("guest");
});

test("the socket is for this user only and goes with a clean close", async () => {
  const holder = await share();
  expect(lstatSync(`${path}-socket`).mode & 0o777).toBe(0o600);
  await holder.close();
  expect(existsSync(`${path}-socket`)).toBe(false);
  await expect(holder.call("echo")).rejects.toMatchObject({ code: "LLMDB_CLOSED" });
});

test("an event reaches everybody", async () => {
  const all = [await share(), await share(), await share()];
  const heard = all.map((shared) => new Promise((resolve) => shared.onEvent((event, data) => resolve([event, data]))));
  await all[1].call("emit", { keys: ["a"] });
  expect(await Promise.all(heard)).toEqual(all.map(() => ["changed", { keys: ["a"] }]));
});

test("a holder that closes finishes what it has begun, and a guest takes over", async () => {
  const holder = await share();
  const changes: string[] = [];
  const guest = await share({ onChange: (role) => changes.push(role) });
  const begun = guest.call("sleep", 50);
  await guest.call("echo");
  const closing = holder.close();
  const later = guest.call("add", "later");
  expect(await begun).toBe(50);
  await closing;
  expect(await later).toBe(1);
  expect([guest.role, ...changes]).toEqual(["holder", "holder"]);
});

test("a message that is too long is an error of its call alone", async () => {
  await share();
  const guest = await share();
  const tooLarge = { code: "LLMDB_VALUE_TOO_LARGE" };
  await expect(guest.call("echo", "x".repeat(65 * 1024 * 1024))).rejects.toMatchObject(tooLarge);
  await expect(guest.call("huge")).rejects.toMatchObject(tooLarge);
  expect(await guest.call("echo", 1)).toBe(1);
});

test.each([
  ["another protocol", [Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
  ["no JSON", [hello, Buffer.from([0, 0, 0, 1, 0x7b])]],
  ["no UTF-8", [hello, Buffer.from([0, 0, 0, 3, 0x22, 0xff, 0x22])]],
  ["a request before the hello", [encodeFrame({ id: 1, madeAt: 1, method: "echo" })]],
  [
    "no caller",
    [encodeFrame({ protocol: PROTOCOL, service: "", pid: 1 }), encodeFrame({ id: 1, madeAt: 1, method: "echo" })],
  ],
  ["no request", [hello, encodeFrame({ id: 1, madeAt: 1 })]],
  ["no time", [hello, encodeFrame({ id: 1, method: "echo" })]],
  ["null", [hello, encodeFrame([null])]],
  ["an id that is no number", [hello, encodeFrame({ id: "1", madeAt: 1, method: "echo" })]],
  ["levels without end", [hello, frameOf("[".repeat(100_000))]],
])("garbage ends its own connection: %s", async (_what, pieces) => {
  await share();
  const guest = await share();
  await say(...pieces);
  expect(await guest.call("echo", "alive")).toBe("alive");
  expect(guest.role).toBe("guest");
});

test("another version is told apart", async () => {
  await share({ serviceName: "toy/1" });
  await expect(share({ serviceName: "toy/2" })).rejects.toMatchObject({
    code: "LLMDB_LOCKED",
    message: expect.stringMatching(/another version of llmdb holds the database/),
  });
});

test("a process that has the database and does not share it is named", async () => {
  await using _db = open(path);
  await expect(share({ patienceMs: 100 })).rejects.toMatchObject({
    code: "LLMDB_LOCKED",
    message: expect.stringMatching(`process ${process.pid} on .* does not share it`),
    details: { holder: { pid: process.pid } },
  });
});

test("an open waits for a holder that comes late", async () => {
  const db = open(path);
  const opening = share();
  setTimeout(() => void db.close(), 50);
  expect((await opening).role).toBe("holder");
});

test("what opening throws reaches the caller", async () => {
  const missing = join(folder, "no folder", "a.llmdb");
  await expect(share({ path: missing, openService: () => openToy(missing) })).rejects.toMatchObject({
    code: "LLMDB_NOT_FOUND",
  });
});

test("a request that comes again while it runs is not begun twice", async () => {
  let calls = 0;
  const service: Service = {
    call: async () => {
      calls++;
      await new Promise((resolve) => setTimeout(resolve, 30));
      return "once";
    },
    close: async () => {},
  };
  const holder = await share({ openService: async () => service });
  const request = { id: 1, madeAt: 1, method: "add", params: [1] };
  const others = [
    { ...request, params: [1n] },
    { ...request, method: "sub" },
  ];
  const replies = await ask([request, ...others, request, { ...request, id: 2 }]);
  const error = { code: "LLMDB_INVALID_ARGUMENT", message: expect.stringMatching(/another request was made/) };
  expect(replies.slice(0, 2)).toMatchObject(others.map(() => ({ id: 1, error })));
  expect(replies.slice(2)).toEqual([1, 1, 2].map((id) => ({ id, result: "once" })));
  await holder.call("other");
  expect(calls).toBe(3);
});

test("a caller that asks for much does not hold up the others", async () => {
  const begun: string[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const service: Service = {
    call: async (method) => {
      begun.push(method);
      if (method === "held") await released;
    },
    close: async () => {},
  };
  const holder = await share({ openService: async () => service });
  const guest = await share();
  // Sent before the other two send anything.
  const many = ask(
    Array.from({ length: 2000 }, (_, i) => ({ id: i + 1, madeAt: 1, method: "many" })),
    "1",
  );
  await until(() => begun.length > 0);
  await Promise.all([guest.call("from a guest"), holder.call("from the holder")]);
  const before = begun.filter((method) => method === "many").length;
  expect(begun).toContain("from a guest");
  expect(before).toBeLessThan(1000);
  expect(await many).toHaveLength(2000);
  // Nor does one that fills its line.
  const held = Promise.all(Array.from({ length: 500 }, () => guest.call("held")));
  await until(() => begun.filter((method) => method === "held").length >= 64);
  await holder.call("beyond");
  expect(begun.filter((method) => method === "held")).toHaveLength(64);
  release();
  await held;
});
