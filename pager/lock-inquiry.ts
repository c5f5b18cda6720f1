/**
 * Asks the sockets of `lock-socket.ts` whether their holders live. Guarantees: whom the kernel connects lives, however
 * busy or stopped it is; a refusal means that no one listens there, and never will, because a socket has its name only
 * after it listens; whatever is not known counts as alive.
 *
 * `askNow` keeps this thread waiting while another one asks. `askLater` asks in this thread, so that the answers come
 * once its event loop has turned.
 */
import net from "node:net";
import { Worker } from "node:worker_threads";
import { steadyMs } from "./timers.js";

/** `gone`: nothing is there any more. */
export type SocketState = "alive" | "dead" | "gone";

const PATIENCE_MS = 5000;
const UNKNOWN = 0;
const STATES: readonly SocketState[] = ["alive", "alive", "dead", "gone"];
const REFUSALS: Readonly<Record<string, SocketState>> = { ECONNREFUSED: "dead", ENOENT: "gone" };
const MAX_ERRNO_BYTES = 64;

/**
 * Runs in a thread. As text, because a program that is bundled into one file has no file to start a thread from.
 * `signal` holds how many answers there are, then the answers, as indexes of STATES.
 */
const ASKING = `
const net = require("node:net");
const { workerData: { addresses, signal } } = require("node:worker_threads");
addresses.forEach((address, index) => {
  const socket = net.connect({ path: address });
  const answer = (state) => {
    Atomics.store(signal, index + 1, state);
    Atomics.add(signal, 0, 1);
    Atomics.notify(signal, 0);
    socket.destroy();
  };
  socket.once("connect", () => answer(1));
  socket.on("error", ({ code }) => answer(code === "ECONNREFUSED" ? 2 : code === "ENOENT" ? 3 : 1));
});`;

/** Tries the same as the caller did, because only an event tells why an address cannot be bound. */
const BINDING = `
const net = require("node:net");
const { workerData: { address, signal, text } } = require("node:worker_threads");
const server = net.createServer();
const answer = (code) => {
  const bytes = Buffer.from(code);
  text.set(bytes.subarray(0, text.length));
  Atomics.store(signal, 0, 1 + bytes.length);
  Atomics.notify(signal, 0);
};
server.once("listening", () => server.close(() => answer("")));
server.once("error", ({ code }) => answer(String(code)));
server.listen({ path: address, exclusive: true });`;

/** The states of sockets, in their order. Waits for some milliseconds, and for a few seconds at most. */
export function askNow(addresses: readonly string[]): SocketState[] {
  const signal = new Int32Array(new SharedArrayBuffer(4 * (1 + addresses.length)));
  const worker = startThread(ASKING, { addresses, signal });
  const end = steadyMs() + PATIENCE_MS;
  for (let done = 0; done < addresses.length; done = Atomics.load(signal, 0)) {
    const left = end - steadyMs();
    if (left <= 0 || Atomics.wait(signal, 0, done, left) === "timed-out") break;
  }
  void worker.terminate();
  return addresses.map((_, index) => STATES[Atomics.load(signal, index + 1)]);
}

/** Tells the state of a socket later on. Does not keep the process alive. */
export function askLater(address: string, tell: (state: SocketState) => void): void {
  const socket = net.connect({ path: address });
  socket.unref();
  socket.once("connect", () => {
    socket.destroy();
    tell("alive");
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    socket.destroy();
    tell(REFUSALS[error.code ?? ""] ?? "alive");
  });
}

/** Why an address cannot be listened at, as the system's code: "EAGAIN" where it can be by now. */
export function whyNotBound(address: string): string {
  const signal = new Int32Array(new SharedArrayBuffer(4));
  const text = new Uint8Array(new SharedArrayBuffer(MAX_ERRNO_BYTES));
  const worker = startThread(BINDING, { address, signal, text });
  Atomics.wait(signal, 0, UNKNOWN, PATIENCE_MS);
  void worker.terminate();
  const length = Atomics.load(signal, 0);
  if (length === UNKNOWN) return "ETIMEDOUT";
  return length === 1 ? "EAGAIN" : Buffer.from(text.slice(0, length - 1)).toString();
}

/** A thread without the program's flags and variables: these may load anything at all. */
function startThread(source: string, workerData: object): Worker {
  const worker = new Worker(source, { eval: true, workerData, execArgv: [], env: {} });
  worker.on("error", () => {});
  worker.unref();
  return worker;
}
