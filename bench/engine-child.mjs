/**
 * The parent's end of one engine's process. Guarantees: ending it deletes its databases, and does not wait for an
 * engine that would not close.
 */
import { fork } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("engine-process.mjs", import.meta.url));
let started = 0;

export class EngineChild {
  #process;
  #folder;
  #ended;

  /** @param {string} folder where the folder of its databases is made */
  constructor(folder) {
    this.#folder = join(folder, `databases-${process.pid}-${++started}`);
    mkdirSync(this.#folder, { recursive: true });
    this.#process = fork(program, { serialization: "advanced" });
    this.#ended = new Promise((resolve) => this.#process.once("exit", resolve));
  }

  /**
   * @param {string} engine
   * @returns {Promise<string>} the engine's settings
   */
  probe(engine) {
    return this.#ask({ request: "probe", folder: this.#folder, engine });
  }

  /**
   * @param {object} details
   * @returns {Promise<void>}
   */
  open(details) {
    return this.#ask({ request: "open", folder: this.#folder, ...details });
  }

  /**
   * @param {string} workload
   * @param {number} round
   * @returns {Promise<import("./workloads.mjs").Outcome>}
   */
  run(workload, round) {
    return this.#ask({ request: "run", workload, round });
  }

  /** Ends the process, whatever it does, and deletes its databases. */
  async end() {
    this.#process.kill("SIGKILL");
    await this.#ended;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #ask(request) {
    const answered = new Promise((resolve) => this.#process.once("message", resolve));
    this.#process.send(request);
    const reply = await Promise.race([answered, this.#ended.then((code) => ({ error: `ended with ${code}` }))]);
    if ("error" in reply) throw new Error(reply.error);
    return reply.answer;
  }
}
