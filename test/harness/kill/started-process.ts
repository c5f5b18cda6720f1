/**
 * One process that the torture started, and a stock of them that wait for work, because starting Node takes longer than
 * most jobs. Guarantees: everything that a process told before it ended is heard; no process is left behind.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Job, type Report, ReportReader } from "./job.js";

const PROGRAM_PATH = fileURLToPath(new URL("./kill-process.js", import.meta.url));
const MAX_ERROR_CHARACTERS = 2000;

type Listener = (report: Report) => void;

export class StartedProcess {
  /** Resolves when the process has ended and all that it told was heard. */
  readonly ended: Promise<void>;
  /** Resolves when it can take a job, or could not even start. */
  readonly ready: Promise<void>;
  readonly #child: ChildProcess;
  readonly #reports = new ReportReader();
  #errors = "";
  #listener: Listener = () => {};

  /**
   * @param environment - Variables on top of those of this process.
   * @param within - A command that runs the program, such as one of `namespaces.ts`.
   */
  constructor(environment: Readonly<Record<string, string>> = {}, within: readonly string[] = []) {
    const env = { ...process.env, ...environment };
    const [command, ...parameters] = [...within, process.execPath, PROGRAM_PATH];
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe", "ipc"], env });
    this.#child = child;
    this.ended = new Promise((resolve) => {
      child.once("close", () => resolve());
    });
    const told = new Promise<void>((resolve) => {
      this.#listener = () => resolve();
    });
    this.ready = Promise.race([told, this.ended]);
    child.on("error", (error) => this.#note(error.message));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => this.#note(text));
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      for (const report of this.#reports.read(text)) this.#listener(report);
    });
  }

  /** Its number, where it could be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** What it wrote to standard error: empty, unless something went wrong. */
  get errors(): string {
    return this.#errors.trim();
  }

  /** Hands over a job as soon as the process can take it; the reports go to `listener` from now on. */
  async begin(job: Job, listener: Listener): Promise<void> {
    await this.ready;
    this.#listener = listener;
    // A process that could not even start has ended, and is told by its errors.
    if (this.#child.connected) this.#child.send(job);
  }

  /** Ends it with SIGKILL, which no process can catch. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.ended;
  }

  #note(text: string): void {
    this.#errors = (this.#errors + text).slice(0, MAX_ERROR_CHARACTERS);
  }
}

/** Processes that are started ahead of their work. */
export class ProcessStock {
  readonly #waiting: StartedProcess[] = [];
  readonly #size: number;
  readonly #environment: Readonly<Record<string, string>>;
  readonly #ways: readonly (readonly string[])[];
  #started = 0;

  /**
   * @param environment - Variables for each of them.
   * @param ways - Commands that run them, in turn.
   */
  constructor(
    size: number,
    environment: Readonly<Record<string, string>> = {},
    ways: readonly (readonly string[])[] = [[]],
  ) {
    this.#size = size;
    this.#environment = environment;
    this.#ways = ways;
    this.#fill();
  }

  /** Whether its processes are in different namespaces. */
  get spansNamespaces(): boolean {
    return this.#ways.length > 1;
  }

  /** One that nobody has, in its place starts another. */
  take(): StartedProcess {
    const taken = this.#waiting.shift() ?? this.#start();
    this.#fill();
    return taken;
  }

  /** Ends those that nobody took. */
  async close(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map((waiting) => waiting.kill()));
  }

  #fill(): void {
    while (this.#waiting.length < this.#size) this.#waiting.push(this.#start());
  }

  #start(): StartedProcess {
    return new StartedProcess(this.#environment, this.#ways[this.#started++ % this.#ways.length]);
  }
}
