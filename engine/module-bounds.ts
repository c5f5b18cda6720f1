/**
 * What WebAssembly modules may use in a process, as its handle of the database says it. Guarantees: the bounds of the
 * process hold whatever stands in the file, which may come from elsewhere.
 */
import { LlmdbError } from "../pager/error.js";

/** The most that modules may use. */
export interface ModuleBounds {
  /** Milliseconds of a call, or of an attachment in a transaction. Default: 1,000 for attachments, none for calls. */
  maxTimeoutMs?: number;
  /** Units of fuel of a call, or of an attachment in a transaction. Default: none. */
  maxFuel?: number;
}

export type CheckedBounds = Readonly<ModuleBounds>;

const NAMES = ["maxTimeoutMs", "maxFuel"];

/**
 * @returns null: no module runs
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function checkModuleBounds(value: unknown): CheckedBounds | null {
  if (value === false) return null;
  if (value === undefined) return {};
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw invalid("modules is false, or an object with maxTimeoutMs and maxFuel");
  }
  for (const name of Object.keys(value)) {
    if (!NAMES.includes(name)) throw invalid(`modules has no option "${name}"; it has ${NAMES.join(", ")}`);
  }
  const maxTimeoutMs = wholeUpTo(value, "maxTimeoutMs", 2 ** 31 - 1);
  const maxFuel = wholeUpTo(value, "maxFuel", 2 ** 50);
  return { ...(maxTimeoutMs !== undefined && { maxTimeoutMs }), ...(maxFuel !== undefined && { maxFuel }) };
}

function wholeUpTo(options: object, name: string, most: number): number | undefined {
  const value: unknown = Reflect.get(options, name);
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1 && value <= most) return value;
  throw invalid(`${name} is a whole number from 1 to ${most}`);
}

function invalid(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
