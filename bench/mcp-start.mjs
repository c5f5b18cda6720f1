/**
 * How long an MCP server takes to answer its first requests, beside the reference memory server of MCP, each in a new
 * process. Guarantees: the programs alternate, and each round begins with another one; times are from before the
 * process is started to the whole reply; a ratio is of two processes of one round.
 *
 *     npm run bench:start
 *     npm run bench:start -- --rounds 100 --against /another/dist/cli/index.js
 */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.mjs";
import { McpProcess } from "./mcp-process.mjs";
import { median, quantile } from "./numbers.mjs";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "40" },
    own: { type: "string", default: fileURLToPath(new URL("../dist/cli/index.js", import.meta.url)) },
    /** Another build of the command, to compare with. */
    against: { type: "string" },
  },
});
const WARM_ROUNDS = 2;
const require = createRequire(import.meta.url);
const reference = join(dirname(require.resolve("@modelcontextprotocol/server-memory/package.json")), "dist/index.js");
const folder = mkdtempSync(join(tmpdir(), "llmdb-bench-start-"));

const command = (program, name) => ({ args: [program, "mcp", "--db", join(folder, `${name}.llmdb`)], env: {} });
const programs = {
  llmdb: command(flags.own, "own"),
  reference: { args: [reference], env: { MEMORY_FILE_PATH: join(folder, "memory.jsonl") } },
  ...(flags.against && { against: command(flags.against, "against") }),
};

/** What is waited for, in the order in which a client asks. */
const STEPS = {
  "the first answer (initialize)": (server) => server.initialized(),
  "the list of tools": (server) => server.request("tools/list", {}),
  "the first call (search_nodes)": (server) => server.timeCall("search_nodes", { query: "nothing" }),
};

/** Milliseconds from the start of one process to each step. */
async function start({ args, env }) {
  const began = performance.now();
  const server = new McpProcess(args, env);
  const times = {};
  for (const [step, wait] of Object.entries(STEPS)) {
    await wait(server);
    times[step] = performance.now() - began;
  }
  await server.end();
  return times;
}

async function measure(rounds) {
  const names = Object.keys(programs);
  const seen = [];
  for (let round = -WARM_ROUNDS; round < rounds; round++) {
    const shift = (round + WARM_ROUNDS) % names.length;
    const times = {};
    for (const name of [...names.slice(shift), ...names.slice(0, shift)]) times[name] = await start(programs[name]);
    if (round >= 0) seen.push(times);
  }
  return seen;
}

function report(seen) {
  const others = Object.keys(programs).filter((name) => name !== "llmdb");
  const shown = (values) =>
    `${median(values).toFixed(1)} (${quantile(values, 0.25).toFixed(1)} to ${quantile(values, 0.75).toFixed(1)})`;
  const lines = [
    `| milliseconds to | llmdb | ${others.map((name) => `${name} | llmdb / ${name}`).join(" | ")} |`,
    `|---|---:|${others.map(() => "---:|---:|").join("")}`,
  ];
  for (const step of Object.keys(STEPS)) {
    const of = (name) => seen.map((times) => times[name][step]);
    const own = of("llmdb");
    const cells = others.map((name) => {
      const ratios = of(name).map((time, round) => own[round] / time);
      const [low, high] = [0.25, 0.75].map((part) => quantile(ratios, part).toFixed(2));
      return `${shown(of(name))} | ${median(ratios).toFixed(2)} (${low} to ${high})`;
    });
    lines.push(`| ${step} | ${shown(own)} | ${cells.join(" | ")} |`);
  }
  return lines.join("\n");
}

try {
  const seen = await measure(Number(flags.rounds));
  const { processor, system, node, load } = describeMachine();
  console.log(`${processor}, ${system}, node ${node}, load ${load}; ${flags.rounds} rounds, median (quartiles)\n`);
  console.log(report(seen));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
