/**
 * The engine and the torture as plain JavaScript in a folder of their own, whole or with one bug in it. Guarantees:
 * what a bug replaces stands exactly once in its file, so that the table of bugs follows the code; all but that file is
 * compiled once.
 */
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { compiled } from "../compiled.js";
import type { PlantedBug } from "./planted-bug.js";

/** What the torture runs, from the top of the repository. */
const PARTS = [
  "index.ts",
  "pager",
  "btree",
  "wal",
  "mvcc",
  "engine",
  "temporal",
  "catalog",
  "wasm",
  "test/harness",
  "test/planted",
];
const PROGRAM = "test/planted/torture-program.js";

/** Compiled sources that can be run. */
export interface RunnableFolder {
  /** The program that tortures what is in the folder. */
  readonly program: string;
  remove(): void;
}

export class PlantedFolders {
  readonly #root: string;
  readonly #base: string;

  /** @param root the top of the repository */
  constructor(root: string) {
    this.#root = root;
    this.#base = mkdtempSync(join(tmpdir(), "llmdb-planted-"));
    for (const file of PARTS.flatMap((part) => typescriptIn(root, part))) {
      this.#compile(this.#base, file, readFileSync(join(root, file), "utf8"));
    }
    writeFileSync(join(this.#base, "package.json"), `{ "type": "module" }`);
  }

  /** Everything as it is. */
  whole(): RunnableFolder {
    return this.#copy(() => {});
  }

  /**
   * Everything with one bug in it.
   *
   * @throws Error where the bug does not fit the code any more
   */
  planted(bug: PlantedBug): RunnableFolder {
    const text = plant(readFileSync(join(this.#root, bug.file), "utf8"), bug);
    return this.#copy((folder) => this.#compile(folder, bug.file, text));
  }

  remove(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }

  #copy(change: (folder: string) => void): RunnableFolder {
    const folder = mkdtempSync(join(tmpdir(), "llmdb-planted-"));
    cpSync(this.#base, folder, { recursive: true });
    symlinkSync(join(this.#root, "node_modules"), join(folder, "node_modules"), "junction");
    change(folder);
    return { program: join(folder, PROGRAM), remove: () => rmSync(folder, { recursive: true, force: true }) };
  }

  #compile(folder: string, file: string, text: string): void {
    const target = join(folder, file.replace(/\.ts$/, ".js"));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, compiled(text));
  }
}

/** For each bug that does not fit the code any more: what is wrong with it. */
export function misplaced(root: string, bugs: readonly PlantedBug[]): string[] {
  return bugs.flatMap((bug) => {
    try {
      plant(readFileSync(join(root, bug.file), "utf8"), bug);
      return [];
    } catch (error) {
      return [String(error)];
    }
  });
}

/** The text of a file with the bug in it. */
export function plant(text: string, { name, file, find, replace }: PlantedBug): string {
  const places = text.split(find).length - 1;
  if (places === 1) return text.replace(find, () => replace);
  throw new Error(`"${name}" has ${places} places in ${file} where it could go, not one; plant it anew: ${find}`);
}

/** The TypeScript files of a file or folder, from the top of the repository. */
function typescriptIn(root: string, part: string): string[] {
  if (part.endsWith(".ts")) return [part];
  return readdirSync(join(root, part), { withFileTypes: true }).flatMap((entry) => {
    const path = `${part}/${entry.name}`;
    if (entry.isDirectory()) return typescriptIn(root, path);
    return /(?<!\.test)\.ts$/.test(path) ? [path] : [];
  });
}
