/**
 * The hook at the end of a session: when it ended, why, and where its transcript is, as a fact about the project. All
 * earlier ends stay in the history of that fact. Guarantees: it returns at once, because Claude Code waits for a second
 * and a half and then kills it; a process of its own goes on and writes, through `llmdb mcp` where that has the file.
 */
import { spawn } from "node:child_process";
import { COMMAND, noteOf, readSession } from "./session.mjs";

const { session, reason, transcript, folder, project } = readSession();
const end = { at: new Date().toISOString(), reason, session, transcript, folder };
const said = ["--subject", project, "--predicate", "last session ended", "--object", JSON.stringify(end)];
const args = ["remember", "--id", noteOf(folder), ...said, "--source", "Claude Code"];
spawn(process.execPath, [COMMAND, ...args], { detached: true, stdio: "ignore" }).unref();
