/**
 * A program in a process of its own, looked at from outside. Guarantees: the process has no channel to its parent but a
 * pipe that it writes one line into, so that watching it costs it nothing; it is gone after `end`.
 */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";

export class FootprintChild {
  #process;
  #ended;

  /** @param {string[]} args of node */
  constructor(args) {
    this.#process = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    this.#ended = new Promise((resolve) => this.#process.once("close", resolve));
  }

  /** What it prints when it has done its work. */
  async figures() {
    let text = "";
    const printed = (async () => {
      for await (const bytes of this.#process.stdout) {
        text += bytes;
        if (text.endsWith("\n")) return JSON.parse(text);
      }
      throw new Error(`a program ended with ${await this.#ended} before it was done`);
    })();
    return printed;
  }

  /**
   * Memory that it has now, and the most it has had, in bytes; undefined where the system does not say.
   *
   * @returns {{ rss: number, peak: number, own: number } | undefined} own: without pages of files, as those of node
   */
  memory() {
    if (process.platform !== "linux") return undefined;
    const status = readFileSync(`/proc/${this.#process.pid}/status`, "latin1");
    const bytes = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
    return { rss: bytes("VmRSS"), peak: bytes("VmHWM"), own: bytes("RssAnon") };
  }

  /** Kills it: what it had to write it has written. */
  async end() {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
