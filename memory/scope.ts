/**
 * Scopes: the paths that memory is divided by, such as `team/assistant/ada`. Guarantees: a path that was accepted lies
 * at or below the root that it was asked from; whether one scope contains another is decided by whole segments.
 */
import { LlmdbError } from "../pager/error.js";

/** The path of a scope, from the root of the database; the empty string is the root itself. */
export type ScopePath = string;

const MAX_PATH_CHARACTERS = 200;
const MAX_SEGMENTS = 16;
const SEPARATOR = "/";
/** Anything but controls, backslashes and the separator: names of people and projects are in all scripts. */
const SEGMENT = /^[^\p{Cc}\p{Cs}/\\]+$/u;

/**
 * The full path of a scope that is given relative to a root.
 *
 * @param given segments separated by `/`, such as `projects/apollo`; undefined is the root
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for an empty path or segment, `.`, `..`, a control character such as NUL,
 * a backslash, a path of more than 16 segments or 200 characters
 */
export function resolveScope(root: ScopePath, given: string | undefined): ScopePath {
  if (given === undefined) return root;
  if (typeof given !== "string" || given === "") {
    throw invalid("a scope is a path such as projects/apollo; leave it out for the scope of this memory");
  }
  const segments = given.split(SEPARATOR);
  for (const segment of segments) requireSegment(segment, given);
  const path = root === "" ? given : root + SEPARATOR + given;
  if (path.length > MAX_PATH_CHARACTERS || path.split(SEPARATOR).length > MAX_SEGMENTS) {
    throw invalid(`a scope has at most ${MAX_SEGMENTS} segments and ${MAX_PATH_CHARACTERS} characters`);
  }
  return path;
}

function requireSegment(segment: string, path: string): void {
  const shown = JSON.stringify(path.slice(0, MAX_PATH_CHARACTERS));
  if (segment === "") throw invalid(`the scope ${shown} has an empty segment; write it without leading or double /`);
  if (segment === "." || segment === "..") {
    throw invalid(
      `the scope ${shown} may not contain "${segment}"; a memory reaches only its own scope and those below it`,
    );
  }
  if (!SEGMENT.test(segment)) {
    throw invalid(`the scope ${shown} has a character that no scope may have: a control character or a backslash`);
  }
}

/** Whether `inner` is `outer` or is below it. */
export function containsScope(outer: ScopePath, inner: ScopePath): boolean {
  return outer === "" || inner === outer || inner.startsWith(outer + SEPARATOR);
}

/** The scopes above `path`, up to and with `root`; nearest first. */
export function scopesAbove(path: ScopePath, root: ScopePath): ScopePath[] {
  const above: ScopePath[] = [];
  let rest = path;
  while (rest !== root) {
    const cut = rest.lastIndexOf(SEPARATOR);
    rest = cut < 0 ? "" : rest.slice(0, cut);
    above.push(rest);
  }
  return above;
}

/** A scope as a caller of a memory with this root gives it; undefined for the root. */
export function relativeScope(root: ScopePath, path: ScopePath): string | undefined {
  if (path === root) return undefined;
  return root === "" ? path : path.slice(root.length + 1);
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
