/**
 * Turns failures of the operating system into `LlmdbError`. Guarantees: every such error says what to do, carries the
 * system's error as `cause`, and names the system's code and the path in `details.errno` and `details.path`.
 */
import { LlmdbError, type LlmdbErrorCode } from "./error.js";

const CODES: Record<string, LlmdbErrorCode> = {
  ENOSPC: "LLMDB_DISK_FULL",
  EDQUOT: "LLMDB_DISK_FULL",
  ENOENT: "LLMDB_NOT_FOUND",
  ENOTDIR: "LLMDB_NOT_FOUND",
  EISDIR: "LLMDB_NOT_A_DATABASE",
  EROFS: "LLMDB_READ_ONLY",
  ERR_INVALID_ARG_VALUE: "LLMDB_INVALID_ARGUMENT",
};

const ADVICE: Record<string, string> = {
  ENOSPC: "the disk is full; free some space, then go on",
  EDQUOT: "the disk quota is used up; free some space or raise the quota, then go on",
  ENOMEM: "the system has no memory left; free some, then open the database again",
  ENOENT: "it or its folder does not exist; check the path, or make the folder first",
  ENOTDIR: "a part of the path is not a folder; check the path",
  EISDIR: "it is a folder; give the path of a database file",
  EEXIST: "it exists already; choose another name or remove it first",
  EROFS: "the medium is read-only; open the database read-only",
  EACCES: "permission denied; give this user read and write permission, or open the database read-only",
  EPERM: "not permitted; check the owner and flags of the file, or open the database read-only",
  EBADF: "the file was not opened for this; open it for writing",
  EMFILE: "this process has too many open files; close some or raise its limit",
  ENFILE: "the system has too many open files; close some or raise its limit",
  ELOOP: "its symbolic links lead in a circle; correct them",
  ERR_INVALID_ARG_VALUE: "it is not a valid path; give one without NUL characters",
};

/**
 * Wraps what a system call threw.
 *
 * @param cause - The system's error.
 * @param action - What was being done, as in "cannot *read* agent.llmdb".
 */
export function systemError(cause: unknown, action: string, path: string): LlmdbError {
  if (cause instanceof LlmdbError) return cause;
  const errno = errnoOf(cause) ?? "UNKNOWN";
  const advice = ADVICE[errno] ?? `the system reports ${errno}; check the disk, then open the database again`;
  const details = { errno, path };
  return new LlmdbError(CODES[errno] ?? "LLMDB_IO", `cannot ${action} ${path}: ${advice}`, details, { cause });
}

/** The system's code of an error, such as "ENOENT". */
export function errnoOf(cause: unknown): string | undefined {
  const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** The error that a system call would have thrown, for storages that have no system below them. */
export function failure(errno: string, action: string, path: string): LlmdbError {
  const cause = Object.assign(new Error(`${errno}: ${action} '${path}'`), { code: errno });
  return systemError(cause, action, path);
}

/** The error for using a file after its `close`. */
export function closedError(path: string): LlmdbError {
  return new LlmdbError("LLMDB_CLOSED", `${path} is closed; open it again before using it`, { path });
}
