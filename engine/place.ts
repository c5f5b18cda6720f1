/**
 * Where a database is or is to be copied to, as callers name it. Guarantees: a `file:` URL means the same file as its
 * path; any other URL is refused before anything is looked at.
 */
import { fileURLToPath } from "node:url";
import { LlmdbError } from "../pager/error.js";

/**
 * Where a database is: a path, or a `file:` URL. A `URL` of any library of types is one: this package's types are also
 * read where neither the browser's nor Node's are known.
 */
export type Place = string | { readonly href: string; readonly protocol: string };

/** The path that means a database in memory, as in SQLite. A file of that name is `./:memory:`. */
export const IN_MEMORY = ":memory:";

/**
 * The path of a place.
 *
 * @param what how the error begins
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function pathOfPlace(place: unknown, what: string): string {
  if (typeof place === "string" && place.length > 0) return place;
  if (typeof place !== "object" || place === null || !("href" in place) || typeof place.href !== "string") {
    throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `${what} as a string, or a file: URL`);
  }
  try {
    return fileURLToPath(place.href);
  } catch {
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `${what}, or a file: URL of this machine, not ${place.href}; download the file, and give its path`,
      { url: place.href },
    );
  }
}
