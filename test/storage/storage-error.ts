/** The error of a storage call that is to fail, as a plain object to compare. */
import { LlmdbError, type LlmdbErrorCode } from "../../pager/error.js";

export interface StorageError {
  readonly code: LlmdbErrorCode;
  readonly errno: unknown;
  readonly path: unknown;
  /** The system's own code, on the error's `cause`. */
  readonly cause: unknown;
}

/** Runs `call` and returns its error; fails where it throws nothing or another kind of error. */
export function storageErrorOf(call: () => unknown): StorageError {
  try {
    call();
  } catch (error) {
    if (!(error instanceof LlmdbError)) throw error;
    const { code, details, cause } = error;
    const causeCode = cause instanceof Error && "code" in cause ? cause.code : undefined;
    return { code, errno: details.errno, path: details.path, cause: causeCode };
  }
  throw new Error("the call threw nothing");
}
