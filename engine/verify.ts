/**
 * `verify()`: reads everything from the disk, past the page cache, and compares it with what the format promises.
 * Guarantees: every page of the file is found exactly once: in a tree, in an extent, in free space, waiting for a
 * reader, or as a meta page; nothing is changed; damage is reported, not thrown.
 */
import { checkTree, type TreeCheck } from "../btree/check.js";
import type { Tree } from "../btree/tree.js";
import { validateNode } from "../btree/validate.js";
import type { PageStore } from "../mvcc/page-store.js";
import { LlmdbError } from "../pager/error.js";
import { FIRST_PAGE } from "../pager/page.js";
import { PageCache } from "../pager/page-cache.js";
import type { Engine } from "./engine.js";

/** What `verify()` found. */
export interface VerifyReport {
  /** True where there is no problem. */
  ok: boolean;
  /** Pages of the file, used and free. */
  pages: number;
  problems: { page?: number; map?: string; what: string }[];
}

const FRESH_CACHE_BYTES = 1024 * 1024;

/** Who uses a run of pages. */
interface Claim {
  readonly start: number;
  readonly length: number;
  readonly owner: string;
}

export function verifyEngine(engine: Engine): VerifyReport {
  const { store } = engine;
  const problems: VerifyReport["problems"] = [];
  const claims: Claim[] = [{ start: 0, length: FIRST_PAGE, owner: "the meta pages" }];
  const claim = (start: number, length: number, owner: string): void => {
    claims.push({ start, length, owner });
  };
  const locate = pagesOnDisk(store);
  const check = (tree: Tree, owner: string, map?: string) =>
    checkTree(tree, {
      locate,
      visit: (start, length) => claim(start, length, owner),
      problem: (what, page) =>
        problems.push({ what, ...(page !== undefined && { page }), ...(map !== undefined && { map }) }),
      readValue: (descriptor, at) => store.extents.read(descriptor, at),
      // The meta page has no room for how many pages the directory has; the counters of maps are in their records.
      countsPages: map !== undefined,
    });

  checkDirectory(engine, check, problems);
  // A read-only handle has not read the list of free pages.
  if (!engine.readOnly) {
    const free = store.free.toList();
    for (let i = 0; i < free.count; i++) claim(free.starts[i], free.lengths[i], "free space");
    const list = engine.checkpointer.listPages;
    for (let i = 0; i < list.count; i++) claim(list.starts[i], list.lengths[i], "the list of free pages");
    store.retired.forEach((start, length) => {
      claim(start, length, "pages waiting for readers");
    });
  }
  checkClaims(claims, store.free.end, !engine.readOnly, problems);
  return { ok: problems.length === 0, pages: store.free.end, problems };
}

function checkDirectory(
  engine: Engine,
  check: (tree: Tree, owner: string, map?: string) => void,
  problems: VerifyReport["problems"],
): void {
  const { directory } = engine;
  check(directory.tree, "the map directory");
  let names: string[] = [];
  try {
    names = directory.names();
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    problems.push({ what: error.message });
  }
  for (const name of names) {
    try {
      const state = directory.get(name);
      if (state !== undefined) check(state.tree, `map "${name}"`, name);
    } catch (error) {
      if (!(error instanceof LlmdbError)) throw error;
      problems.push({ map: name, what: error.message });
    }
  }
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

/** Finds pages that are claimed twice, and, where `complete`, those that nobody claims. */
function checkClaims(claims: Claim[], end: number, complete: boolean, problems: VerifyReport["problems"]): void {
  claims.sort((a, b) => a.start - b.start);
  let covered = 0;
  let last = claims[0];
  for (const claim of claims) {
    if (claim.start < covered) {
      problems.push({ page: claim.start, what: `page ${claim.start} is in ${last.owner} and in ${claim.owner}` });
    } else if (complete && claim.start > covered) {
      problems.push({ page: covered, what: `pages ${covered} to ${claim.start - 1} are used by nobody` });
    }
    if (claim.start + claim.length > covered) {
      covered = claim.start + claim.length;
      last = claim;
    }
  }
  if (covered > end) problems.push({ page: end, what: `${last.owner} leads outside of the file` });
  else if (complete && covered < end)
    problems.push({ page: covered, what: `pages ${covered} to ${end - 1} are used by nobody` });
}
