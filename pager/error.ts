/**
 * The one error class of LLMDB. Guarantees: every error thrown on purpose is an `LlmdbError`, its `code` is stable
 * across releases, and its message tells the reader what to do.
 */

/** The stable codes of {@link LlmdbError}. */
export type LlmdbErrorCode =
  | "LLMDB_INVALID_ARGUMENT"
  | "LLMDB_KEY_TOO_LONG"
  | "LLMDB_VALUE_TOO_LARGE"
  | "LLMDB_CLOSED"
  | "LLMDB_READ_ONLY"
  | "LLMDB_LOCKED"
  | "LLMDB_NOT_FOUND"
  | "LLMDB_NOT_A_DATABASE"
  | "LLMDB_FORMAT_VERSION"
  | "LLMDB_CORRUPT"
  | "LLMDB_IO"
  | "LLMDB_DISK_FULL"
  | "LLMDB_COMMIT_UNKNOWN"
  | "LLMDB_FUTURE_TX"
  | "LLMDB_TIME_ORDER"
  | "LLMDB_UNSUPPORTED"
  | "LLMDB_WASM_REFUSED"
  | "LLMDB_WASM_FUEL"
  | "LLMDB_WASM_STACK"
  | "LLMDB_WASM_MEMORY"
  | "LLMDB_WASM_TIME"
  | "LLMDB_WASM_TRAP"
  | "LLMDB_WASM_ABORT";

/**
 * Every error that LLMDB throws on purpose.
 *
 * @example
 * ```ts
 * try {
 *   open("missing/folder/agent.llmdb");
 * } catch (error) {
 *   if (error instanceof LlmdbError && error.code === "LLMDB_NOT_FOUND") console.error(error.message);
 * }
 * ```
 */
export class LlmdbError extends Error {
  override readonly name = "LlmdbError";
  /** Says what kind of error this is. Stable across releases; compare this, not the message. */
  readonly code: LlmdbErrorCode;
  /** Facts about this occurrence: the path, the page number, the limit that was passed. */
  readonly details: Record<string, unknown>;

  constructor(
    code: LlmdbErrorCode,
    message: string,
    details: Record<string, unknown> = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
    this.code = code;
    this.details = details;
  }
}

/**
 * Asserts an invariant of LLMDB itself. A failure means damage that got past the checksums, or a bug, so it is
 * reported as `LLMDB_CORRUPT`.
 *
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function assertInvariant(holds: boolean, what: string): asserts holds {
  if (!holds) {
    throw new LlmdbError(
      "LLMDB_CORRUPT",
      `internal invariant broken: ${what}; run verify(), keep a copy of the file and report it`,
    );
  }
}

/** True for the error of a disk that has no room. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof LlmdbError && error.code === "LLMDB_DISK_FULL";
}
