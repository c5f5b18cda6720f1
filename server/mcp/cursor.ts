/**
 * Cursors: where a list goes on, and at which points of time it was begun. Guarantees: pages that follow one another by
 * their cursors show one state, whatever is written meanwhile; what is no cursor of the same tool is refused.
 */
import { readJson } from "../../models/values/json-reader.js";
import { LlmdbError } from "../../pager/error.js";
import type { At } from "../../temporal/at.js";

/** A point that does not move. */
export interface FixedPoint {
  readonly tx: number;
  /** ISO 8601. */
  readonly validAt: string;
}

/** What a cursor holds. */
export interface Place {
  /** How many were shown. */
  readonly shown: number;
  readonly points: readonly FixedPoint[];
}

const MAX_CHARACTERS = 500;

/** A place as text. */
export function cursorOf(tool: string, { shown, points }: Place): string {
  const parts = [tool, shown, ...points.flatMap(({ tx, validAt }) => [tx, validAt])];
  return Buffer.from(JSON.stringify(parts)).toString("base64url");
}

/**
 * The place of a cursor; undefined where none was given.
 *
 * @param points how many points the tool has
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT`
 */
export function placeOf(tool: string, cursor: unknown, points: number): Place | undefined {
  if (cursor === undefined) return undefined;
  const parts = parse(cursor);
  const [name, shown, ...rest] = parts;
  if (name !== tool || !isCount(shown) || rest.length !== 2 * points) throw invalid(tool);
  const fixed: FixedPoint[] = [];
  for (let i = 0; i < rest.length; i += 2) {
    const [tx, validAt] = [rest[i], rest[i + 1]];
    if (!isCount(tx) || typeof validAt !== "string") throw invalid(tool);
    fixed.push({ tx, validAt });
  }
  return { shown, points: fixed };

  function parse(text: unknown): unknown[] {
    if (typeof text !== "string" || text.length > MAX_CHARACTERS) throw invalid(tool);
    try {
      const value = readJson(Buffer.from(text, "base64url").toString(), 1);
      if (Array.isArray(value)) return value;
    } catch {
      // Said below.
    }
    throw invalid(tool);
  }
}

/** As the memory takes a point. */
export function atOf({ tx, validAt }: FixedPoint): At {
  return { tx, validAt };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function invalid(tool: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", `cursor is what the page before of ${tool} returned; leave it out`);
}
