/**
 * The names of files in memory. Guarantees: different spellings of a path are one name. There are no folders of their
 * own: a folder exists for as long as a name is in it, and the root always does. Relative paths start at the root.
 */
import { posix, sep } from "node:path";
import type { PathKind } from "./storage.js";
import { failure } from "./system-error.js";

/** Paths, each with the file that it leads to. */
export class NameTable<T> {
  readonly #files: Map<string, T>;

  constructor(files: Iterable<readonly [string, T]> = []) {
    this.#files = new Map(files);
  }

  get(path: string): T | undefined {
    return this.#files.get(normal(path));
  }

  /**
   * The file at a path, for opening it.
   *
   * @throws LlmdbError `LLMDB_NOT_FOUND`, or `LLMDB_NOT_A_DATABASE` for a folder
   */
  require(path: string, action: string): T {
    const file = this.get(path);
    if (file !== undefined) return file;
    throw failure(this.kind(path) === "directory" ? "EISDIR" : "ENOENT", action, path);
  }

  /**
   * Checks that a file may be created or moved here.
   *
   * @throws LlmdbError `LLMDB_NOT_A_DATABASE` for a folder, `LLMDB_NOT_FOUND` where the parent is a file
   */
  requireFree(path: string, action: string): void {
    if (this.kind(path) === "directory") throw failure("EISDIR", action, path);
    for (let parent = posix.dirname(normal(path)); parent !== "/"; parent = posix.dirname(parent)) {
      if (this.#files.has(parent)) throw failure("ENOTDIR", action, path);
    }
  }

  set(path: string, file: T): void {
    this.#files.set(normal(path), file);
  }

  delete(path: string): void {
    this.#files.delete(normal(path));
  }

  /** What is at `path`. */
  kind(path: string): PathKind {
    const name = normal(path);
    if (this.#files.has(name)) return "file";
    if (name === "/") return "directory";
    for (const other of this.#files.keys()) if (other.startsWith(`${name}/`)) return "directory";
    return "missing";
  }

  /** The names in a folder, sorted. */
  list(directory: string): string[] {
    const kind = this.kind(directory);
    if (kind !== "directory") throw failure(kind === "file" ? "ENOTDIR" : "ENOENT", "list", directory);
    const folder = normal(directory);
    const prefix = folder === "/" ? folder : `${folder}/`;
    const names = new Set<string>();
    for (const other of this.#files.keys()) {
      if (other.startsWith(prefix)) names.add(other.slice(prefix.length).split("/", 1)[0]);
    }
    return [...names].sort();
  }

  /** How many names lead to the file. */
  links(file: T): number {
    let count = 0;
    for (const other of this.#files.values()) if (other === file) count++;
    return count;
  }

  /** All paths with their files, in the order of their creation. */
  entries(): IterableIterator<[string, T]> {
    return this.#files.entries();
  }

  /** True where both paths are in the same folder. */
  static sameFolder(path: string, other: string): boolean {
    return posix.dirname(normal(path)) === posix.dirname(normal(other));
  }
}

function normal(path: string): string {
  return posix.resolve("/", sep === "/" ? path : path.replaceAll(sep, "/"));
}
