/**
 * Each key that a node is searched for is padded, whatever layer it comes from: through a life that uses everything, a
 * kill, and everything again.
 */
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { isPadded } from "../../btree/key-bytes.js";
import { search } from "../../btree/node.js";
import { PageViews } from "../../pager/page.js";
import { useDatabase } from "../fuzz/database-use.js";
import { killedSample, SAMPLE_PATH } from "../fuzz/sample.js";
import { SimulatedDisk } from "../harness/simulated-disk.js";
import { root } from "../sources.js";

const searches = vi.hoisted(() => ({ count: 0, unpadded: new Set<string>() }));

/** The two functions by which all others look for a key in a node. */
vi.mock("../../btree/node.js", async (original) => {
  const node = await original<typeof import("../../btree/node.js")>();
  const { isPadded } = await import("../../btree/key-bytes.js");
  const look = (key: Uint8Array, length: number): void => {
    searches.count++;
    if (!isPadded(key, length)) searches.unpadded.add(new Error("a key is not padded").stack ?? "");
  };
  const watched: Pick<typeof node, "search" | "childSlot"> = {
    search: (views, base, key, length) => {
      look(key, length);
      return node.search(views, base, key, length);
    },
    childSlot: (views, base, key, length) => {
      look(key, length);
      return node.childSlot(views, base, key, length);
    },
  };
  return { ...node, ...watched };
});

test("all layers pad the keys that they search for", async () => {
  const { file, log } = await killedSample(new SimulatedDisk(1), join(root, "examples/modules/build"));
  const storage = new SimulatedDisk(2);
  storage.open(SAMPLE_PATH, "create").write(file, 0, file.length, 0);
  storage.open(`${SAMPLE_PATH}-wal`, "create").write(log, 0, log.length, 0);
  const before = searches.count;
  const { problems, typedErrors } = await useDatabase(storage, () => {});
  expect({ problems: problems.filter((what) => !what.includes("took")), typedErrors }).toEqual({
    problems: [],
    typedErrors: 0,
  });
  expect(before).toBeGreaterThan(1000);
  expect(searches.count - before).toBeGreaterThan(1000);
  expect([...searches.unpadded]).toEqual([]);
});

test("self-check: a key that is not padded is noticed", () => {
  const page = new PageViews(new ArrayBuffer(4096), 0, 4096);
  const before = searches.unpadded.size;
  search(page, 0, Uint8Array.of(1, 2, 3), 3);
  search(page, 0, Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 9), 3);
  expect(searches.unpadded.size).toBe(before + 2);
  expect(isPadded(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0), 1)).toBe(true);
  expect(isPadded(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0), 1)).toBe(false);
});
