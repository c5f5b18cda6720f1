/**
 * A client of an MCP server that runs as a process of its own, over stdio: as little as it takes to call tools.
 * Guarantees: a call resolves with the server's own reply, or rejects with its error.
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const PROTOCOL = "2025-06-18";

export class McpProcess {
  #child;
  #waiting = new Map();
  #next = 1;

  /** Starts `node` with these arguments and resolves when the server is ready for calls. */
  static async start(args, environment) {
    const server = new McpProcess(args, environment);
    await server.initialized();
    return server;
  }

  constructor(args, environment) {
    const env = { ...process.env, ...environment };
    this.#child = spawn(process.execPath, args, { env, stdio: ["pipe", "pipe", "ignore"] });
    createInterface({ input: this.#child.stdout }).on("line", (line) => {
      const { id, result, error } = JSON.parse(line);
      const { resolve, reject } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (error === undefined) resolve?.(result);
      else reject?.(new Error(error.message));
    });
  }

  /** Greets the server, and resolves when it has answered. */
  async initialized() {
    const clientInfo = { name: "bench", version: "1" };
    await this.request("initialize", { protocolVersion: PROTOCOL, capabilities: {}, clientInfo });
    this.#send({ method: "notifications/initialized" });
  }

  #send(message) {
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...message })}\n`);
  }

  request(method, params) {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  /** Calls a tool and returns how many milliseconds that took. */
  async timeCall(name, args) {
    const began = performance.now();
    const reply = await this.request("tools/call", { name, arguments: args });
    const ms = performance.now() - began;
    if (reply.isError) throw new Error(`${name}: ${reply.content[0].text}`);
    return ms;
  }

  async end() {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill(), 2000);
    await ended;
    clearTimeout(timer);
  }
}
