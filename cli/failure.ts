/**
 * What a command says when it fails. Guarantees: one line with a code, never a stack trace; exit code 2 for what has to
 * be written differently, 1 for everything else.
 */
import { LlmdbError } from "../pager/error.js";

/** A failure as it is reported. */
export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Not 0: what was asked for is not there, something was found, or something failed. */
export const FAILED = 1;
/** The command line has to be written differently. */
export const BAD_USAGE = 2;

const USAGE_CODES: readonly string[] = ["LLMDB_INVALID_ARGUMENT", "LLMDB_KEY_TOO_LONG"];
const SYSTEM_MESSAGES: ReadonlyMap<string, string> = new Map([
  ["ENOENT", "there is no such file or folder"],
  ["EEXIST", "the file exists already"],
  ["EACCES", "this may not be opened"],
  ["EISDIR", "this is a folder; name a file"],
  ["ENOSPC", "the disk is full"],
]);

/** What is to be said about an error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof LlmdbError) return { code: error.code, message: error.message };
  if (!(error instanceof Error)) return { code: "LLMDB_FAILED", message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  const path = "path" in error && typeof error.path === "string" ? `: ${error.path}` : "";
  const known = SYSTEM_MESSAGES.get(code);
  return { code, message: known === undefined ? error.message : `${known}${path}` };
}

export function exitCodeOf({ code }: Failure): number {
  return USAGE_CODES.includes(code) ? BAD_USAGE : FAILED;
}

/** A combination of arguments that makes no sense. */
export function badUsage(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}

/** What was asked for is not there. */
export function notFound(message: string): LlmdbError {
  return new LlmdbError("LLMDB_NOT_FOUND", message);
}
