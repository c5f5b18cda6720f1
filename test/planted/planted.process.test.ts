/**
 * The harness is tested too, in short: bugs that the torture finds at once, each planted into a copy of the engine. All
 * of them: `node scripts/planted-bugs.mjs`.
 */
import { afterAll, expect, test } from "vitest";
import { isThorough } from "../effort.js";
import { root } from "../sources.js";
import { PLANTED_BUGS } from "./planted-bugs.js";
import { misplaced, PlantedFolders } from "./planted-folder.js";
import { findPlanted, runWhole } from "./planted-run.js";
import { TEMPORAL_BUGS } from "./temporal-bugs.js";

/** Those that are found within a second or so. */
const QUICK = [
  "a blocking commit is acknowledged before the log is synced",
  "a commit is stated again although it is known",
  "a log is removed before the meta page that needs none",
  "the log's folder is not synced once it is made",
  "the log gets its name before it is synced",
  "pages of the older checkpoint are free when the newest is durable",
  "a rollback leaks the pages that it took",
];
const QUICK_SECONDS = 25;
const QUICK_IMAGES = 500;

const folders = new PlantedFolders(root);
afterAll(() => folders.remove());

test("each bug has one place to go, and a name of its own", () => {
  const bugs = [...PLANTED_BUGS, ...TEMPORAL_BUGS];
  expect(misplaced(root, bugs)).toEqual([]);
  expect(new Set(bugs.map(({ name }) => name)).size).toBe(bugs.length);
});

test("nothing is found without a bug", async () => {
  const outcome = await runWhole(folders, QUICK_IMAGES);
  expect(outcome).toMatchObject({ clean: true, message: "nothing was found" });
  expect(outcome.images).toBeGreaterThanOrEqual(QUICK_IMAGES);
});

test.each(isThorough ? QUICK : QUICK.slice(0, 3))("found: %s", async (name) => {
  const bug = PLANTED_BUGS.find((one) => one.name === name);
  if (bug === undefined) throw new Error(`there is no bug "${name}"`);
  const outcome = await findPlanted(folders, bug, QUICK_SECONDS);
  expect(outcome).toMatchObject({ found: true });
});
