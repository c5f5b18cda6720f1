/**
 * The short form of the fuzzers, and the mutants that once gave anything but a value or a typed error. The long form is
 * `npm run fuzz`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { Memory } from "../../memory/index.js";
import { memoryStorage } from "../../pager/memory-storage.js";
import { builtUrl } from "../built-file.js";
import { effort, isThorough, SEED } from "../effort.js";
import { Random } from "../harness/random.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { compileSources, type PlantedBug } from "../kill/compiled-harness.js";
import { root } from "../sources.js";
import { USES, useDatabase } from "./database-use.js";
import { ErrorWorkload } from "./error-workload.js";
import { MutableFile } from "./file-mutation.js";
import { MEMORY_USES, recordsSample } from "./memory-use.js";
import { RepairedFile } from "./repaired-file.js";
import { RepairedLog } from "./repaired-log.js";
import { closedSample, killedSample, SAMPLE_PATH } from "./sample.js";
import { hasStrace } from "./system-run.js";
import { TARGETS, type Target, type Trier, trierOf } from "./target.js";

const MUTANTS = effort(12);
/** Each takes a process under strace. */
const SYSTEM_LIVES = Math.max(3, Math.floor(MUTANTS / 4));
const modules = join(root, "examples/modules/build");
const folders = "pager|btree|wal|mvcc|engine|temporal|catalog|models|wasm|memory|level|server|test/(harness|fuzz|wasm)";
const needed = new RegExp(`^(index\\.ts$|(${folders})/)`);

/** Targets, seeds and numbers of mutants that did what none may do. */
const regressions: [Target, number, number][] = [29, 34, 35, 86, 91].map((number) => ["records", 1, number]);

const nothing = (): void => {};
afterEach(() => vi.restoreAllMocks());

const sample = await closedSample(new SimulatedDisk(1), modules);
const killed = await killedSample(new SimulatedDisk(1), modules);
const folder = mkdtempSync(join(tmpdir(), "llmdb-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The runner as plain JavaScript, because it starts processes. */
async function compiledRun(bug?: PlantedBug): Promise<typeof import("./fuzz-run.js")> {
  if (bug === undefined) return import(builtUrl("test/fuzz/fuzz-run.ts"));
  const place = join(folder, "planted");
  compileSources(place, needed, bug);
  return import(pathToFileURL(join(place, "test/fuzz/fuzz-run.js")).href);
}

const triers = new Map<string, Promise<Trier>>();

async function tryMutant(target: Target, seed: number, number: number): Promise<Awaited<ReturnType<Trier>>> {
  const key = `${target} ${seed}`;
  const trier = triers.get(key) ?? trierOf(target, seed, modules);
  triers.set(key, trier);
  return (await trier)(number, nothing);
}

/** What its mutants give is known: the self-checks rest on it. */
const KNOWN_SEED = 1;

describe("self-checks", () => {
  test("the sample is the same each time", async () => {
    // Not the first one of this process: the first run of a hook is watched, and makes its maps in another order.
    const again = () => closedSample(new SimulatedDisk(1), modules);
    expect(Buffer.compare(await again(), await again())).toBe(0);
  });

  test("what is unchanged is the same after its checksums were repaired", () => {
    expect(Buffer.compare(new RepairedFile(sample).repair(), sample)).toBe(0);
    expect(Buffer.compare(new RepairedLog(killed.log).repair(), killed.log)).toBe(0);
    expect(new RepairedLog(killed.log).commits).toBeGreaterThan(20);
    expect(new MutableFile(sample).maps).toBeGreaterThan(15);
  });

  test("on the sample as it is, each call gives a value", async () => {
    const storage = memoryStorage();
    storage.open(SAMPLE_PATH, "create").write(sample, 0, sample.length, 0);
    const called: string[] = [];
    const { problems, typedErrors, values } = await useDatabase(storage, (use) => called.push(use));
    expect(problems).toEqual([]);
    expect(typedErrors).toBe(0);
    // And opening, the memory, closing, level.
    expect([values, called.length]).toEqual([USES + 4, USES + 4]);
  });

  test("on records as they are, no call finds damage", async () => {
    const storage = memoryStorage();
    const file = await recordsSample(new SimulatedDisk(1));
    storage.open(SAMPLE_PATH, "create").write(file, 0, file.length, 0);
    const { problems, typedErrors, values } = await useDatabase(storage, nothing, MEMORY_USES);
    expect(problems).toEqual([]);
    // A request that is known no more, and what was forgotten or erased by then.
    expect(typedErrors).toBeLessThan(4);
    expect(values).toBeGreaterThan(60);
  });

  test("most mutants have right checksums: they open, and are neither all right nor all wrong", async () => {
    let opened = 0;
    let typedErrors = 0;
    for (let number = 0; number < 10; number++) {
      const trial = await tryMutant("files", KNOWN_SEED, number);
      if (trial.opened) opened++;
      typedErrors += trial.typedErrors;
    }
    expect(opened).toBeGreaterThan(5);
    expect(typedErrors).toBeGreaterThan(0);
  });

  test("an untyped error is a problem", async () => {
    vi.spyOn(Memory.prototype, "recall").mockImplementation(() => {
      throw new TypeError("planted");
    });
    const { problems } = await tryMutant("files", KNOWN_SEED, 0);
    expect(problems.join("\n")).toContain("recall: TypeError: planted");
  });

  test("a lost commit, a wrong value and an erased word that is still there are problems", async () => {
    const disk = new SimulatedDisk(1);
    const workload = new ErrorWorkload("lost.llmdb", new Random(5), nothing);
    await workload.live({ storage: disk }, true);
    await workload.check({ storage: new SimulatedDisk(2) });
    expect(workload.problems.join("\n")).toMatch(/key \d+ has 0 bytes, not \d+/);
    workload.problems.length = 0;
    workload.requireErased(Buffer.from(Array.from({ length: 100_000 }, (_, i) => `secret-${i % 6}-${i}`).join()), "x");
    expect(workload.problems).toEqual([]);
  });

  test.runIf(isThorough)(
    "a process that dies is a problem of its mutant, and the run goes on",
    { timeout: 180_000 },
    async () => {
      const { fuzz } = await compiledRun({
        path: "test/fuzz/database-use.ts",
        right: "stats: (db) => db.stats()",
        wrong: "stats: () => process.abort()",
      });
      const { mutants, problems } = await fuzz({ target: "files", seed: KNOWN_SEED, first: 3, mutants: 2, modules });
      expect(mutants).toBe(2);
      expect(problems.map(({ message }) => /ended with (\w+) in "(\w+)"/.exec(message)?.slice(1))).toEqual([
        ["SIGABRT", "stats"],
        ["SIGABRT", "stats"],
      ]);
      expect(problems[1].replay).toBe(`npm run fuzz -- --target files --seed ${KNOWN_SEED} --first 4 --mutants 1`);
    },
  );
});

test.for(regressions)("%s, seed %i, mutant %i", async ([target, seed, number]) => {
  expect((await tryMutant(target, seed, number)).problems).toEqual([]);
});

/** Modules are found by time, which is for the long form: `costly-module.test.ts` is its short one. */
const inProcess = TARGETS.filter((target) => target !== "system" && target !== "modules");
test.each(inProcess)(
  `%s: ${MUTANTS} mutants give values or typed errors`,
  { timeout: 2000 * MUTANTS },
  async (target) => {
    let opened = 0;
    for (let number = 0; number < MUTANTS; number++) {
      const trial = await tryMutant(target, SEED, number);
      if (trial.opened) opened++;
      const [problem] = trial.problems;
      if (problem === undefined) continue;
      throw new Error(`npm run fuzz -- --target ${target} --seed ${SEED} --first ${number} --mutants 1\n${problem}`);
    }
    expect(opened).toBeGreaterThan(0);
  },
);

test.skipIf(!hasStrace())(`system: errors of ${SYSTEM_LIVES} system calls`, { timeout: 300_000 }, async () => {
  const { fuzz } = await compiledRun();
  const { mutants, opened, problems } = await fuzz({ target: "system", seed: SEED, mutants: SYSTEM_LIVES, modules });
  expect(problems).toEqual([]);
  expect(mutants).toBe(SYSTEM_LIVES);
  expect(opened).toBeGreaterThan(SYSTEM_LIVES / 4);
});
