/**
 * The timers of the process, as they were when LLMDB was loaded. Guarantees: a test suite that replaces the global ones
 * later (vitest, sinon and `node:test` replace `setImmediate` too) holds up neither a write nor `close`. The rest of
 * the product takes its timers from here and nowhere else.
 */
const { performance } = globalThis;

/** What `setTimeout` returns. */
export type Timer = ReturnType<typeof globalThis.setTimeout>;

/** An object, so that a simulation can put its own in their place; `test/harness/torture/virtual-timers.ts` does. */
export const timers = {
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
  setImmediate: globalThis.setImmediate,
  queueMicrotask: globalThis.queueMicrotask,
};

/** Milliseconds since 1970 UTC. */
export const wallMs: () => number = Date.now;

/** Milliseconds that only go forward, from a beginning of their own: to measure how long something takes. */
export const steadyMs: () => number = performance.now.bind(performance);

/** Gives everything else that is ready a turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => void timers.setImmediate(resolve));
}

/** Resolves after `ms` milliseconds; rejects with its reason where the signal is aborted before. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timers.clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = timers.setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
