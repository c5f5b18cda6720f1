/**
 * `verify()`: reads everything from the disk, past the page cache, and compares it with what the format promises.
 * Guarantees: every page of the file is found exactly once: in a tree, in an extent, in free space, waiting for a
 * reader, or as a meta page; nothing is changed; damage is reported, not thrown. What is checked is one state, which a
 * view holds: the check may be left between two steps while commits go on.
 */
import { checkTree, type TreeCheck } from "../btree/check.js";
import type { Tree } from "../btree/tree.js";
import { validateNode } from "../btree/validate.js";
import type { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import type { ExtentList } from "../pager/extent-list.js";
import { FIRST_PAGE } from "../pager/page.js";
import { PageCache } from "../pager/page-cache.js";
import { steadyMs, turn } from "../pager/timers.js";
import type { Engine } from "./engine.js";
import { readFreeList } from "./free-list.js";
import { type MapDirectory, requireDirectory } from "./map-directory.js";
import type { MapState } from "./map-record.js";
import { PageClaims } from "./page-claims.js";
import type { PinnedView } from "./pinned-view.js";

/** What `verify()` found. */
export interface VerifyReport {
  /** True where there is no problem. */
  ok: boolean;
  /** Pages of the file, used and free. */
  pages: number;
  problems: { page?: number; map?: string; what: string }[];
}

/** How far a check has come. */
export interface VerifyProgress {
  /** `pages`: whether all pages are whole. Where they are, `facts`: the rules of the two time axes follow. */
  phase: "pages" | "facts";
  /** Pages, or entries of the maps that hold the facts. */
  done: number;
  /** Of how many; about, for the facts. */
  total: number;
}

/** How `verifyAsync` runs. */
export interface VerifyOptions {
  /** Called between steps, some times a second at least. What it throws ends the check, and is thrown. */
  onProgress?: (progress: VerifyProgress) => void;
}

/** A check that can be left between two steps; each tells how far it has come. */
export type Verification = Generator<VerifyProgress, VerifyReport, void>;

const WAITING = "pages waiting for readers";
const FRESH_CACHE_BYTES = 1024 * 1024;
/** How many pages may be changed, and not written yet, where a turn begins. */
const SEALED_PAGES = 16;
/** Steps are taken for so long before others get a turn. */
const SLICE_MS = 4;
/** Steps between two looks at the clock. */
const STEPS = 8;
/** Progress is told so often. */
const TOLD_MS = 50;

/** Checks the newest committed state in one go. */
export function verifyEngine(engine: Engine, check: (view: PinnedView) => Verification): VerifyReport {
  const { views } = engine.state;
  const view = views.open(null);
  try {
    const steps = check(view);
    for (;;) {
      const step = steps.next();
      if (step.done === true) return step.value;
    }
  } finally {
    views.close(view);
  }
}

/**
 * The same in slices of a few milliseconds, with a turn of the event loop between two.
 *
 * @throws LlmdbError `LLMDB_CLOSED` where the database is closed meanwhile; `LLMDB_DISK_FULL`, `LLMDB_IO` where changed
 * pages cannot be written first
 */
export async function verifyEngineInTurns(
  engine: Engine,
  check: (view: PinnedView) => Verification,
  onProgress: (progress: VerifyProgress) => void,
): Promise<VerifyReport> {
  const { views } = engine.state;
  const view = views.open(null);
  try {
    // Begun at once: what is free, and what waits for readers, belongs to this state.
    const steps = check(view);
    let step = steps.next();
    await sealView(engine, view);
    for (let toldMs = 0; step.done !== true; ) {
      const endMs = steadyMs() + SLICE_MS;
      for (let i = 1; step.done !== true && (i % STEPS > 0 || steadyMs() < endMs); i++) {
        const { value } = step;
        step = steps.next();
        if (step.done !== true && endMs - toldMs < TOLD_MS) continue;
        onProgress({ ...value });
        toldMs = endMs;
      }
      await turn();
      engine.state.requireOpen();
    }
    return step.value;
  } finally {
    views.close(view);
  }
}

/**
 * Writes the changed pages of a view: from then on each of its pointers has its checksum, whatever a checkpoint does
 * with those that are known in memory alone.
 */
async function sealView(engine: Engine, view: PinnedView): Promise<void> {
  if (engine.readOnly || engine.failure.error !== null) return;
  while (!engine.writeBack.slice(view, SEALED_PAGES)) {
    await turn();
    engine.state.requireOpen();
  }
}

/** Checks the pages of a state. */
export function* checkPages(engine: Engine, view: PinnedView): Verification {
  const { store } = view.snapshot;
  const directory = requireDirectory(view);
  const problems: VerifyReport["problems"] = [];
  const claims = new PageClaims();
  const { end } = store.free;
  claims.add(0, FIRST_PAGE, "the meta pages");
  const isComplete = claimUnused(engine, claims, problems);
  const progress: VerifyProgress = { phase: "pages", done: 0, total: 0 };
  yield progress;
  const locate = pagesOnDisk(store);
  function* check(tree: Tree, owner: string, map?: string): Generator<VerifyProgress, void> {
    const steps = checkTree(tree, {
      locate,
      visit: (start, length) => claims.add(start, length, owner),
      problem: (what, page) =>
        problems.push({ what, ...(page !== undefined && { page }), ...(map !== undefined && { map }) }),
      readValue: (descriptor, at) => store.extents.check(descriptor, at),
      // The meta page has no room for how many pages the directory has; the counters of maps are in their records.
      countsPages: map !== undefined,
    });
    for (const pages of steps) {
      progress.done += pages;
      progress.total = Math.max(progress.total, progress.done);
      yield progress;
    }
  }
  yield* check(directory.tree, "the map directory");
  const maps = mapsOf(directory, problems);
  for (const { tree } of maps) progress.total += tree.leafPages + tree.branchPages + tree.extentPages;
  for (const { name, tree } of maps) yield* check(tree, `map "${name}"`, name);
  const overlaps = claims.check(end, isComplete, (page, what) => problems.push({ page, what }));
  for (const _stretch of overlaps) yield progress;
  return { ok: problems.length === 0, pages: end, problems };
}

/** The pages that no tree uses. False where some may be missing, because the saved list of them is damaged. */
function claimUnused(
  { state, checkpointer, readOnly }: Engine,
  claims: PageClaims,
  problems: VerifyReport["problems"],
): boolean {
  const { store, checkpoint } = state;
  const claim = ({ count, starts, lengths }: ExtentList, owner: string): void => {
    for (let i = 0; i < count; i++) claims.add(starts[i], lengths[i], owner);
  };
  claim(store.free.toList(), "free space");
  claim(checkpointer.listPages, "the list of free pages");
  store.retired.forEach((start, length) => {
    claims.add(start, length, WAITING);
  });
  if (!readOnly) return true;
  // It takes no page of the file, and has left the list where it is.
  try {
    const { free, held } = readFreeList(store.extents, checkpoint);
    claim(free, "free space");
    claim(held, WAITING);
    return true;
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    problems.push({ what: error.message });
    return false;
  }
}

/** The maps of a state, without those whose records are damaged. */
function mapsOf(directory: MapDirectory, problems: VerifyReport["problems"]): MapState[] {
  const maps: MapState[] = [];
  let names: string[] = [];
  const problem = (error: unknown, map?: string): void => {
    if (!(error instanceof LlmdbError)) throw error;
    problems.push({ ...(map !== undefined && { map }), what: error.message });
  };
  try {
    names = directory.names();
  } catch (error) {
    problem(error);
  }
  for (const name of names) {
    try {
      const state = directory.get(name);
      if (state !== undefined) maps.push(state);
    } catch (error) {
      problem(error, name);
    }
  }
  return maps;
}

/** Finds pages on the disk, in a small cache of its own; changed pages, which are not there yet, in the shared one. */
function pagesOnDisk(store: PageStore): TreeCheck["locate"] {
  const shared = store.cache;
  const { pageSize } = store;
  const fresh = new PageCache(pageSize, FRESH_CACHE_BYTES, store.data, validateNode);
  return (page, crc) => {
    const frame = shared.table.get(page);
    if (frame >= 0 && shared.isDirty(frame)) return { views: shared.views(frame), base: shared.base(frame), pageSize };
    const read = fresh.fetch(page, shared.written.get(page) ?? crc);
    return { views: fresh.views(read), base: fresh.base(read), pageSize };
  };
}
