/**
 * Runs the workloads in all engines. Guarantees: one engine works at a time; the rounds of all engines alternate, so
 * that what else the machine does meets all of them alike; an engine that fails, or engines that read different data,
 * are in the results, and the rest is measured.
 */
import { EngineChild } from "./engine-child.mjs";
import { ENGINES } from "./engines.mjs";
import { describeMachine, versionOf } from "./machine.mjs";
import { WORKLOADS } from "./workloads.mjs";

/** Databases with more entries are open one at a time: together they would not fit into the memory. */
const MOST_ENTRIES_TOGETHER = 2_000_000;

/**
 * Workloads of one shape, whose databases are opened once.
 *
 * @typedef {{ start: string, shape: import("./data-set.mjs").Shape, workloads: string[] }} Group
 */

export class Comparison {
  #flags;
  /** @type {import("./report.mjs").Results} */
  #results;
  /** @type {string[]} */
  #running = [];

  /** @param {import("./flags.mjs").Flags} flags */
  constructor(flags) {
    this.#flags = flags;
    const date = new Date().toISOString();
    this.#results = { date, machine: describeMachine(), flags, engines: {}, rounds: {}, leftOut: [], failed: [] };
  }

  /** @returns {Promise<import("./report.mjs").Results>} */
  async run() {
    for (const engine of this.#flags.engines) await this.#probe(engine);
    for (const group of this.#groups()) {
      for (const workload of group.workloads) this.#results.rounds[workload] = {};
      if (group.start === "own") await this.#runAlone(group);
      else if (group.start !== "read") await this.#runFresh(group);
      else if (group.shape.entries <= MOST_ENTRIES_TOGETHER) await this.#runOpen(group, this.#running);
      else for (const engine of this.#running) await this.#runOpen(group, [engine]);
      for (const workload of group.workloads) {
        const differs = differenceIn(this.#results.rounds[workload]);
        if (differs !== undefined) this.#fail(workload, "all", differs);
      }
    }
    this.#results.endLoad = describeMachine().load;
    return this.#results;
  }

  /** Whether an engine can be loaded and opened, and with what settings. */
  async #probe(engine) {
    const version = versionOf(engine);
    /** @type {{ version?: string, settings?: string, skipped?: string }} */
    const found = { version };
    this.#results.engines[engine] = found;
    if (version === undefined) found.skipped = "not installed, see the output of npm install";
    else {
      const child = new EngineChild(this.#flags.folder);
      try {
        found.settings = await child.probe(engine);
      } catch (error) {
        if (engine === "llmdb") throw error;
        found.skipped = String(error instanceof Error ? error.message : error).split("\n")[0];
      } finally {
        await child.end();
      }
    }
    if (found.skipped === undefined) this.#running.push(engine);
    else console.error(`skipped: ${engine}: ${found.skipped}`);
  }

  /** @returns {Group[]} */
  #groups() {
    /** @type {Group[]} */
    const groups = [];
    for (const workload of this.#flags.workloads) {
      const { start, shape: shapeOf } = WORKLOADS[workload];
      const shape = shapeOf(this.#flags);
      if (shape.entries > this.#flags.most) {
        this.#results.leftOut.push(workload);
        console.error(`left out: ${workload}: more entries than --most ${this.#flags.most}`);
        continue;
      }
      const last = groups[groups.length - 1];
      const isSame = start === "read" && last?.start === "read" && JSON.stringify(last.shape) === JSON.stringify(shape);
      if (isSame) last.workloads.push(workload);
      else groups.push({ start, shape, workloads: [workload] });
    }
    return groups;
  }

  /** What is measured of LLMDB alone. */
  async #runAlone({ workloads: [workload] }) {
    if (!this.#running.includes("llmdb")) return;
    console.error(`running ${workload}`);
    await this.#guard([workload], "llmdb", async () => {
      this.#results.rounds[workload].llmdb = await WORKLOADS[workload].runAll(this.#flags);
    });
  }

  /** Databases that stay open for all rounds. */
  async #runOpen(group, engines) {
    /** @type {Map<string, EngineChild>} */
    const holders = new Map();
    try {
      for (const engine of engines) {
        const workloads = group.workloads.filter((workload) => takes(engine, workload));
        if (workloads.length === 0) continue;
        console.error(`loading ${group.shape.entries} entries into ${engine}`);
        await this.#guard(workloads, engine, async () => {
          holders.set(engine, await this.#open(engine, { ...group, workloads }));
        });
      }
      for (const workload of group.workloads) {
        for (let round = 0; round < this.#rounds(workload); round++) {
          for (const [engine, child] of holders) {
            if (!takes(engine, workload)) continue;
            await this.#guard([workload], engine, async () => {
              this.#keep(workload, engine, round, await child.run(workload, round));
            });
          }
        }
      }
    } finally {
      for (const holder of holders.values()) await holder.end();
    }
  }

  /** Each round of each engine in a process and a database of its own. */
  async #runFresh(group) {
    const [workload] = group.workloads;
    for (let round = 0; round < this.#rounds(workload); round++) {
      for (const engine of this.#running.filter((name) => takes(name, workload))) {
        await this.#guard([workload], engine, async () => {
          const child = await this.#open(engine, group);
          try {
            this.#keep(workload, engine, round, await child.run(workload, round));
          } finally {
            await child.end();
          }
        });
      }
    }
  }

  async #open(engine, { start, shape, workloads }) {
    const { reads, quick, folder } = this.#flags;
    const child = new EngineChild(folder);
    try {
      await child.open({ engine, shape, reads, quick, state: start, workloads });
    } catch (error) {
      await child.end();
      throw error;
    }
    return child;
  }

  /** Notes what an engine fails with, and goes on. */
  async #guard(workloads, engine, measure) {
    try {
      await measure();
    } catch (error) {
      const what = String(error instanceof Error ? error.message : error).split("\n")[0];
      for (const workload of workloads) this.#fail(workload, engine, what);
    }
  }

  #fail(workload, engine, what) {
    this.#results.failed.push({ workload, engine, what });
    console.error(`failed: ${workload}, ${engine}: ${what}`);
  }

  #rounds(workload) {
    return Math.min(this.#flags.rounds, WORKLOADS[workload].rounds ?? this.#flags.rounds);
  }

  #keep(workload, engine, round, measured) {
    if (measured === undefined) return;
    const byEngine = this.#results.rounds[workload];
    byEngine[engine] ??= [];
    byEngine[engine].push(measured);
    const each = (measured.ns / measured.operations).toFixed(0);
    console.error(`${workload}, round ${round + 1} of ${this.#rounds(workload)}, ${engine}: ${each} ns`);
  }
}

/** Whether an engine is there for a workload. */
function takes(engine, workload) {
  const { only } = ENGINES[engine];
  return only === undefined || only.includes(workload);
}

/** In which way engines have read different data in one round, if so. What is no database reads none. */
function differenceIn(byEngine) {
  const databases = Object.entries(byEngine).filter(([engine]) => !ENGINES[engine].isLimit);
  const rounds = Math.max(0, ...databases.map(([, measured]) => measured.length));
  for (let round = 0; round < rounds; round++) {
    const sums = new Set(databases.flatMap(([, measured]) => measured[round] ?? []).map(({ sum }) => sum));
    if (sums.size > 1) return `the engines have read different data in round ${round + 1}: ${[...sums].join(", ")}`;
  }
  return undefined;
}
