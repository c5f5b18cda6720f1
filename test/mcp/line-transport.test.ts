/** The transport alone: a client that sends without reading, and one that has more running than the server takes. */
import { PassThrough, Writable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import type { JSONRPCMessage } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { LineTransport } from "../../server/mcp/line-transport.js";

const REQUESTS = 40_000;

/** Takes what is written when it is told to. */
class SlowReader extends Writable {
  text = "";
  #take: (() => void) | undefined;
  #isOpen = false;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    if (this.#isOpen) done();
    else this.#take = done;
  }

  read(): void {
    this.#isOpen = true;
    this.#take?.();
  }

  get ids(): unknown[] {
    return this.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line).id);
  }
}

function requests(count: number): Buffer {
  const lines = Array.from({ length: count }, (_, id) => `{"jsonrpc":"2.0","id":${id},"method":"ping"}\n`);
  return Buffer.from(lines.join(""));
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await turn();
}

function idOf(message: JSONRPCMessage): number {
  return "id" in message && typeof message.id === "number" ? message.id : -1;
}

test("a client that does not read its replies is not read from, and costs no listener for each", async () => {
  const input = new PassThrough();
  const output = new SlowReader();
  const transport = new LineTransport(input, output);
  let received = 0;
  transport.onmessage = (message) => {
    received++;
    void transport.send({ jsonrpc: "2.0", id: idOf(message), result: {} });
  };
  await transport.start();
  input.end(requests(REQUESTS));
  for (let i = 0; i < 20; i++) await turn();
  expect(received).toBeGreaterThan(100);
  // The buffer of the output takes 16 KiB.
  expect(received).toBeLessThan(2000);
  expect(output.listenerCount("drain")).toBe(1);
  output.read();
  await transport.closed;
  expect(output.listenerCount("drain")).toBe(0);
  expect(output.ids).toEqual(Array.from({ length: REQUESTS }, (_, id) => id));
});

test("further requests wait while many run, and each is answered", async () => {
  const input = new PassThrough();
  const output = new SlowReader();
  output.read();
  const transport = new LineTransport(input, output);
  const running: number[] = [];
  transport.onmessage = (message) => void running.push(idOf(message));
  await transport.start();
  input.end(requests(5000));
  await until(() => running.length > 1000);
  for (let i = 0; i < 20; i++) await turn();
  expect(running.length).toBe(1024);
  let most = 0;
  for (let answered = 0; answered < 5000; answered++) {
    await until(() => running.length > 0);
    most = Math.max(most, running.length);
    await transport.send({ jsonrpc: "2.0", id: running.shift() ?? -1, result: {} });
  }
  await transport.closed;
  expect(most).toBe(1024);
  expect(output.ids).toEqual(Array.from({ length: 5000 }, (_, id) => id));
});

test("a client that is gone while it was waited for ends the transport", async () => {
  const input = new PassThrough();
  const output = new SlowReader();
  const transport = new LineTransport(input, output);
  const sent: Promise<void>[] = [];
  transport.onmessage = (message) => void sent.push(transport.send({ jsonrpc: "2.0", id: idOf(message), result: {} }));
  await transport.start();
  input.write(requests(5000));
  await until(() => output.writableNeedDrain);
  output.destroy(new Error("gone"));
  await transport.closed;
  await Promise.all(sent);
});

test.each([1000, 10_000_000])(
  "a message %i levels deep is refused at once, by its id, and the next one is read",
  async (levels) => {
    const input = new PassThrough();
    const output = new SlowReader();
    output.read();
    const transport = new LineTransport(input, output);
    const received: JSONRPCMessage[] = [];
    transport.onmessage = (message) => void received.push(message);
    await transport.start();
    const nested = "[".repeat(levels) + "]".repeat(levels);
    const deep = `{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":${nested}}}\n`;
    input.end(
      Buffer.concat([Buffer.from(deep), Buffer.from('{"jsonrpc":"2.0","method":"notifications/initialized"}')]),
    );
    await transport.closed;
    expect(received).toHaveLength(1);
    expect(JSON.parse(output.text)).toMatchObject({
      id: 7,
      error: { code: -32700, message: expect.stringContaining("nested too deeply: 220 arrays and objects") },
    });
  },
);

test("integers of a message are exact", async () => {
  const input = new PassThrough();
  const transport = new LineTransport(input, new SlowReader());
  const received: JSONRPCMessage[] = [];
  transport.onmessage = (message) => void received.push(message);
  await transport.start();
  input.end('{"jsonrpc":"2.0","method":"notifications/x","params":{"a":1497549923779084388,"b":[5]}}');
  await transport.closed;
  expect(received).toMatchObject([{ params: { a: 1497549923779084388n, b: [5] } }]);
});
