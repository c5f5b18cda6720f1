/**
 * The memory of a user, where no database is named. Guarantees: every command that looks for it finds the same file, by
 * the conventions of the system; its folder can be opened by this user alone.
 */
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, parse, resolve } from "node:path";

type Environment = { readonly [name: string]: string | undefined };

const PRIVATE_FOLDER = 0o700;

/** What variables name: a database, or the file of the reference memory server, next to which it is. */
export function namedBy(env: Environment): string | undefined {
  if (env.LLMDB_FILE) return env.LLMDB_FILE;
  const memoryFile = env.MEMORY_FILE_PATH;
  return memoryFile ? join(dirname(memoryFile), `${parse(memoryFile).name}.llmdb`) : undefined;
}

/** The database that variables name, or else the memory of this user. */
export function ownMemory(env: Environment, platform: string = process.platform): string {
  return resolve(namedBy(env) ?? join(dataFolder(env, platform), "llmdb", "memory.llmdb"));
}

/** Makes the folder of a memory where it is missing. */
export function makeFolderOf(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: PRIVATE_FOLDER });
}

/** Where programs keep the data of a user. A relative XDG_DATA_HOME is ignored, as its specification asks. */
function dataFolder(env: Environment, platform: string): string {
  const xdg = env.XDG_DATA_HOME;
  if (xdg && isAbsolute(xdg)) return xdg;
  const home = env.HOME || homedir();
  if (platform === "win32") return env.LOCALAPPDATA || join(homedir(), "AppData", "Local");
  return platform === "darwin" ? join(home, "Library", "Application Support") : join(home, ".local", "share");
}
