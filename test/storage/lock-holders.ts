/** Threads and processes that take a lock of the real disk and then do what a test wants. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { builtUrl } from "../built-file.js";

/**
 * What a holder does once it has answered: keeps the lock, ends without releasing it, takes it over and over, or takes
 * it for each of the times that it adds one to the number in the file.
 */
export type HolderPlan = "hold" | "end" | "churn" | "count";

export type HolderAnswer = "held" | "refused";

export interface HolderTask {
  readonly path: string;
  readonly slot?: number;
  readonly plan?: HolderPlan;
  readonly alone?: boolean;
  /** How often `count` adds one. Default 200. */
  readonly times?: number;
}

export class LockHolders {
  /** Takes a task as JSON in its first argument, or as the data of a worker. */
  readonly script: string;
  /** The module that has `fileStorage`. */
  readonly storageUrl: string;
  readonly #children: ChildProcess[] = [];

  constructor(folder: string) {
    this.script = join(folder, "holder.js");
    mkdirSync(folder, { recursive: true });
    this.storageUrl = builtUrl("pager/file-storage.ts");
    writeFileSync(this.script, holderSource(this.storageUrl));
    writeFileSync(join(folder, "package.json"), `{ "type": "module" }`);
  }

  /**
   * Starts a process that tries to take the lock; resolves with what it was told.
   *
   * @param within a command that runs it, such as `unshare`
   */
  async inProcess(
    task: HolderTask,
    within: readonly string[] = [],
  ): Promise<{ answer: HolderAnswer; child: ChildProcess; ended: Promise<void> }> {
    const [command, ...parameters] = [...within, process.execPath, this.script, JSON.stringify(task)];
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.push(child);
    const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const answer = await new Promise<HolderAnswer>((resolve, reject) => {
      child.stdout.once("data", (data) => resolve(answerOf(String(data))));
      child.once("error", reject);
      child.once("exit", (code, signal) => reject(new Error(`the holder ended with ${code ?? signal}`)));
    });
    return { answer, child, ended };
  }

  /** Who has the write lock, as a process sees it that a command runs. */
  seenFrom(path: string, within: readonly string[]): unknown {
    const look = `import { fileStorage } from ${JSON.stringify(this.storageUrl)};
      console.log(JSON.stringify(fileStorage.holder(${JSON.stringify(path)}) ?? null));`;
    const [command, ...parameters] = [...within, process.execPath, "--input-type=module", "--eval", look];
    return JSON.parse(execFileSync(command, parameters, { encoding: "utf8" }));
  }

  /** The same in a thread. */
  async inWorker(task: HolderTask): Promise<{ answer: HolderAnswer; worker: Worker; ended: Promise<void> }> {
    const worker = new Worker(this.script, { workerData: task });
    const ended = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
    const answer = await new Promise<HolderAnswer>((resolve, reject) => {
      worker.once("message", (text) => resolve(answerOf(text)));
      worker.once("error", reject);
    });
    return { answer, worker, ended };
  }

  killAll(): void {
    for (const child of this.#children.splice(0)) child.kill("SIGKILL");
  }
}

/** Kills a process and waits until the system has said that it ended. */
export function killAndWait(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once("exit", () => resolve());
    child.kill("SIGKILL");
  });
}

function answerOf(text: unknown): HolderAnswer {
  if (text === "held" || text === "refused") return text;
  throw new Error(`a holder said ${String(text)}`);
}

function holderSource(storageUrl: string): string {
  return `
    import { parentPort, workerData } from "node:worker_threads";
    import { fileStorage } from ${JSON.stringify(storageUrl)};
    const { path, slot = 0, plan = "hold", times = 200, alone = slot > 0 } = workerData ?? JSON.parse(process.argv[2]);
    const file = fileStorage.open(path, "write");
    let lock = fileStorage.lock(file, path, slot, alone);
    const answer = lock === undefined ? "refused" : "held";
    if (parentPort !== null) parentPort.postMessage(answer);
    else process.stdout.write(answer);
    if (lock !== undefined && plan === "hold") setInterval(() => {}, 1000);
    if (plan === "count") {
      const buffer = Buffer.alloc(8);
      let left = times;
      const count = () => {
        lock ??= fileStorage.lock(file, path, slot, alone);
        if (lock !== undefined) {
          file.read(buffer, 0, 8, 0);
          buffer.writeDoubleLE(buffer.readDoubleLE() + 1);
          file.write(buffer, 0, 8, 0);
          lock.release();
          lock = undefined;
          left--;
        }
        // Two that see each other both give up: chance lets one of them come alone.
        if (left > 0) setTimeout(count, Math.random() * 4);
      };
      count();
    }
    if (plan === "churn") {
      const churn = () => {
        for (let round = 0; round < 10; round++) {
          lock?.release();
          lock = fileStorage.lock(file, path, slot, alone);
        }
        setImmediate(churn);
      };
      churn();
    }`;
}
