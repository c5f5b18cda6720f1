/**
 * What calls are charged of the stack: functions in cycles and those that pile up much, and no others; and whatever a
 * module does, what lies on the stack is within its units and the few that are free.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { CallGraph, type CallNode } from "../../wasm/call-graph.js";
import { rewriteModule } from "../../wasm/rewrite.js";
import { bytesOfText } from "../../wasm/text-format.js";
import { exportedFunction, exportedGlobal, webAssembly } from "../../wasm/web-assembly.js";
import { effort } from "../effort.js";

const FREE = 2048;

/** Calls the first of a row of functions, each of which calls the next; returns what is left of the stack. */
async function runChain(functions: number, locals: number): Promise<number> {
  const frame = `(local${" i64".repeat(locals)})`;
  const bodies = Array.from({ length: functions }, (_, i) => {
    return `(func $f${i} ${frame} ${i + 1 < functions ? `(call $f${i + 1})` : ""})`;
  });
  const text = `(module ${bodies.join("\n")} (export "run" (func $f0)))`;
  const { bytes, injected } = rewriteModule(await bytesOfText(text), { imports: "any" });
  const instance = new webAssembly.Instance(new webAssembly.Module(bytes));
  exportedGlobal(instance, injected.fuel).value = 1_000_000n;
  const stack = exportedGlobal(instance, injected.stack);
  stack.value = 65_536;
  try {
    exportedFunction(instance, "run")();
  } catch (error) {
    if (!(error instanceof webAssembly.RuntimeError)) throw error;
  }
  return Number(stack.value);
}

test("rows of functions are held within the stack, whether or not they go in a circle", async () => {
  expect(await runChain(200, 1)).toBe(65_536);
  expect(await runChain(60, 1000)).toBe(65_536);
  expect(await runChain(70, 1000)).toBeLessThan(0);
  expect(await runChain(20_000, 1)).toBeLessThan(0);
});

/** A table that is in a cycle has no frame that could be charged for what else is in it. */
const PAST_A_TABLE: [CallNode[], number[], number[]] = [
  [
    { frameUnits: 9, calls: [1], callsTable: false },
    { frameUnits: 1212, calls: [], callsTable: true },
    { frameUnits: 900, calls: [], callsTable: false },
    { frameUnits: 957, calls: [], callsTable: true },
  ],
  [3, 2],
  [0, 1],
];

const graph = fc.array(
  fc.record({
    frameUnits: fc.integer({ min: 8, max: 3000 }),
    calls: fc.array(fc.nat({ max: 11 }), { maxLength: 4 }),
    callsTable: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
);

test("on any way through the calls, what is not charged is little", () => {
  const property = fc.property(graph, fc.array(fc.nat({ max: 11 })), fc.array(fc.nat()), (drawn, table, choices) => {
    const nodes: CallNode[] = drawn.map((node) => ({
      ...node,
      calls: node.calls.map((called) => called % drawn.length),
      // Those calls are rare, or everything is in one cycle.
      callsTable: node.callsTable && node.frameUnits % 3 === 0,
    }));
    const inTable = table.map((index) => index % nodes.length);
    const { units } = new CallGraph(nodes, 0, inTable);
    let node = 0;
    let onStack = nodes[0].frameUnits;
    let charged = units[0];
    for (const choice of choices) {
      const { calls, callsTable } = nodes[node];
      const reachable = callsTable ? [...calls, ...inTable] : calls;
      if (reachable.length === 0) break;
      node = reachable[choice % reachable.length];
      onStack += nodes[node].frameUnits;
      charged += units[node];
      expect(onStack).toBeLessThanOrEqual(charged + FREE);
    }
  });
  fc.assert(property, { numRuns: effort(1000), examples: [PAST_A_TABLE] });
});
