/**
 * A folder of the real disk for databases that are killed. Guarantees: it is new, and gone when it is removed; what is
 * set aside is a copy, byte for byte.
 */
// biome-ignore lint/style/noRestrictedImports: processes that are killed need a folder of the real disk.
import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export class ScratchFolder {
  readonly path: string;

  /** @param parent - An existing folder. Default: the system's folder for temporary files. */
  constructor(parent: string = tmpdir()) {
    this.path = mkdtempSync(join(parent, "llmdb-torture-"));
  }

  /** The path of a file in it. */
  file(name: string): string {
    return join(this.path, name);
  }

  /** The names of what is in one of its folders. */
  names(folder: string): string[] {
    const path = this.file(folder);
    return existsSync(path) ? readdirSync(path).sort() : [];
  }

  makeFolder(name: string): void {
    mkdirSync(this.file(name), { recursive: true });
  }

  /** Copies the files of one of its folders to another, in place of what was there. Sockets cannot be copied. */
  copyFolder(from: string, to: string): void {
    this.removeFolder(to);
    cpSync(this.file(from), this.file(to), { recursive: true, filter: (path) => !lstatSync(path).isSocket() });
  }

  removeFolder(name: string): void {
    rmSync(this.file(name), { recursive: true, force: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
