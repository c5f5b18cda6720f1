/**
 * The interpreter `wasm-interp` of the npm package `wabt`, in a process of its own: what it executed, line by line.
 *
 * Guarantees: nothing of the rewriter is involved. The module runs once, its exports in their order.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const packageFolder = dirname(createRequire(import.meta.url).resolve("wabt"));

/** An operation of the interpreter, which are not quite those of the module: its name and what is printed behind it. */
export interface Step {
  readonly name: string;
  readonly rest: string;
}

/** What each export, without parameters, did, by its name. */
export function traceOf(bytes: Uint8Array): Map<string, Step[]> {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-wasm-trace-"));
  try {
    const file = join(folder, "module.wasm");
    writeFileSync(file, bytes);
    const args = [join(packageFolder, "bin/wasm-interp"), file, "--run-all-exports", "--trace"];
    return stepsIn(execFileSync(process.execPath, args, { encoding: "utf8", maxBuffer: 2 ** 28 }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function stepsIn(output: string): Map<string, Step[]> {
  const traces = new Map<string, Step[]>();
  let steps: Step[] = [];
  for (const line of output.split("\n")) {
    const exported = /^>>> running export "(.*)":$/.exec(line);
    const step = /^#\d+\.\s+\d+: V:\d+\s+\| (\S+) ?(.*)$/.exec(line);
    if (exported) {
      steps = [];
      traces.set(exported[1], steps);
    } else if (step) steps.push({ name: step[1], rest: step[2] });
    else if (line !== "" && !/^\w+\(\) =>(?! error)/.test(line)) throw new Error(`not understood: ${line}`);
  }
  return traces;
}
