/**
 * What both hooks have in common: the event that Claude Code writes to standard input, the project that it is about,
 * and the command. Guarantees: an event of another shape has defaults, so that no hook ever fails a session.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** Runs the command `llmdb`. */
export const COMMAND = fileURLToPath(new URL("../llmdb.mjs", import.meta.url));
const MOST_CHARACTERS = 200;

/** @returns {{ session: string, reason: string, transcript: string, folder: string, project: string }} */
export function readSession() {
  const event = eventIn(readFileSync(0, "utf8"));
  const text = (name) => (typeof event[name] === "string" ? event[name] : "");
  const folder = process.env.CLAUDE_PROJECT_DIR || text("cwd") || process.cwd();
  return {
    session: text("session_id"),
    reason: text("reason") || "other",
    transcript: text("transcript_path"),
    folder,
    project: basename(folder).slice(0, MOST_CHARACTERS) || folder,
  };
}

function eventIn(text) {
  try {
    const event = JSON.parse(text);
    return typeof event === "object" && event !== null ? event : {};
  } catch {
    return {};
  }
}

/** The id of what is noted about the sessions in a folder: folders of the same name are told apart. */
export function noteOf(folder) {
  return `sessions/${createHash("sha256").update(folder).digest("hex").slice(0, 16)}`;
}
