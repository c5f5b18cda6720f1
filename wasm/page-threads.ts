/**
 * Threads that run modules. They are kept for the next call, and do not keep the process alive. Guarantees: a thread
 * that was stopped in the middle of something is never used again.
 */
import { Worker } from "node:worker_threads";

/** The most threads that wait for the next call. */
const MOST_IDLE = 8;
const idle: Worker[] = [];

export function takeThread(): Worker {
  const thread = idle.pop() ?? startThread();
  thread.ref();
  return thread;
}

/** Gives a thread back that has answered everything. */
export function giveThread(thread: Worker): void {
  thread.removeAllListeners("message");
  thread.unref();
  if (idle.length < MOST_IDLE) idle.push(thread);
  else void thread.terminate();
}

/** Stops a thread, whatever it does; resolves when it is gone. */
export async function stopThread(thread: Worker): Promise<void> {
  await thread.terminate();
}

function startThread(): Worker {
  const thread = new Worker(new URL("./page-worker.js", import.meta.url), { stdin: false });
  const leave = () => {
    const at = idle.indexOf(thread);
    if (at >= 0) idle.splice(at, 1);
  };
  thread.on("error", leave);
  thread.on("exit", leave);
  return thread;
}
