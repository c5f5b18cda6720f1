/**
 * What WebAssembly modules cost: metering, pages a second, hooks and indexes in commits, rewriting, instances.
 * Guarantees: what is compared is measured in turns, in the same rounds; what modules give out is checked; each goal
 * stands beside its figure. Needs no other database, and no package but the one that is tested.
 *
 *     npm run bench:modules
 *     npm run bench:modules -- --quick
 *     npm run bench:modules -- --parts kernels,pages --rounds 15 --json modules.json
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.mjs";
import { measureHooks, measureInstances } from "./modules-hooks.mjs";
import { measureKernels, measureRewriting } from "./modules-kernels.mjs";
import { measurePages, samplePage } from "./modules-pages.mjs";
import { modulesReport } from "./modules-report.mjs";

const PARTS = ["kernels", "pages", "hooks", "rewriting", "instances"];
const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "9" },
    parts: { type: "string", default: PARTS.join() },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
  },
});
const { quick } = flags;
const rounds = quick ? 2 : Number(flags.rounds);
const parts = flags.parts.split(",");
const unknown = parts.filter((part) => !PARTS.includes(part));
if (unknown.length > 0 || !(Number.isInteger(rounds) && rounds > 0)) {
  console.error(`--parts takes ${PARTS.join(", ")}; --rounds a whole number from 1`);
  process.exit(2);
}

/** @returns {Promise<import("./modules-report.mjs").Row[]>} */
async function measure(part) {
  switch (part) {
    case "kernels":
      return measureKernels({ rounds, kernelMs: quick ? 1 : 15 }, (await samplePage()).page);
    case "pages":
      return [
        // As many as two threads can share, in the caches of most processors.
        ...(await measurePages({ rounds, pages: quick ? 256 : 4096, passes: quick ? 1 : 8 }, "in the caches")),
        ...(await measurePages({ rounds, pages: quick ? 512 : 51_200, passes: 1 }, "from memory")),
      ];
    case "hooks":
      return measureHooks({ rounds, commits: quick ? 5 : 60 });
    case "rewriting":
      return measureRewriting({ rounds });
    default:
      return measureInstances({ rounds, instances: quick ? 10 : 100 });
  }
}

const machine = describeMachine();
const date = new Date().toISOString();
const rows = [];
for (const part of parts) rows.push(...(await measure(part)));
const endLoad = describeMachine().load;

const { processor, memory, system, node, load } = machine;
console.log(`${date.slice(0, 10)}, ${processor}, ${memory}, ${system}, node ${node} (V8 ${process.versions.v8}),`);
console.log(
  `load average ${load} at the start and ${endLoad} at the end; ${rounds} rounds, medians, and the spread of`,
);
console.log("the rounds. Rewritten over original is the least time over the least time; its spread is within rounds.");
if (quick) console.log("A quick run: it shows that everything runs, and its figures mean nothing.");
console.log(`\n${modulesReport(rows, quick)}`);
if (flags.json !== undefined)
  writeFileSync(flags.json, JSON.stringify({ date, machine, endLoad, rounds, quick, rows }));
