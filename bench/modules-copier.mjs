/**
 * A thread that copies leaf pages out of a shared page cache, with the copy that modules are handed pages by: what two
 * threads can do at once. Guarantees: it copies each page that it is given, and says how long that took.
 */
import { parentPort } from "node:worker_threads";
import { copyLeaf } from "../dist/internal/engine/leaf-copy.js";
import { PageViews } from "../dist/internal/pager/page.js";

/** The memory of a page, where it starts in it, and how many slots it has: three numbers for each page. */
const NUMBERS = 3;

/**
 * Copies pages into a window of one page, all of them so many times.
 *
 * @param {readonly PageViews[]} chunks
 * @param {Int32Array} places
 * @param {number} pageSize
 * @param {number} passes
 * @param {Uint8Array} into
 */
export function copyAll(chunks, places, pageSize, passes, into) {
  for (let pass = 0; pass < passes; pass++) {
    for (let i = 0; i < places.length; i += NUMBERS) {
      copyLeaf(chunks[places[i]], places[i + 1], pageSize, 0, places[i + 2], into, 0);
    }
  }
}

/** Passes whenever a gate opens, until it is told that there are none. */
function serve({ memory, places, pageSize, passes, gate }) {
  const chunks = memory.map(({ buffer, at, bytes }) => new PageViews(buffer, at, bytes));
  const into = new Uint8Array(new WebAssembly.Memory({ initial: 1 }).buffer, 0, pageSize);
  copyAll(chunks, places, pageSize, 2, into);
  parentPort.postMessage("ready");
  parentPort.on("message", ({ round }) => {
    // Both begin when both are there.
    Atomics.add(gate, 0, 1);
    while (Atomics.load(gate, 0) < round * 2);
    const start = process.hrtime.bigint();
    copyAll(chunks, places, pageSize, passes, into);
    parentPort.postMessage({ ns: Number(process.hrtime.bigint() - start) });
  });
}

parentPort?.once("message", serve);
