/**
 * The race for a database. Guarantees: of all processes that take part, at most one opens it, because its write lock
 * decides; the others meet that one, or are told within their patience what is in the way.
 */
import { LlmdbError } from "../../pager/error.js";
import { fileStorage } from "../../pager/file-storage.js";
import { holderName } from "../../pager/storage.js";
import { pause, timers } from "../../pager/timers.js";
import { type Absence, Guest } from "./guest.js";
import { Holder } from "./holder.js";
import { type MeetingPlace, meetingPlaces } from "./meeting-place.js";
import type { Emit, Link, Service } from "./service.js";

const FIRST_PAUSE_MS = 5;
const LONGEST_PAUSE_MS = 80;

/** What is run for. */
export interface Contest {
  /** The database file. */
  readonly path: string;
  readonly serviceName: string;
  /** Who makes the requests, see `RequestId`. */
  readonly caller: string;
  readonly patienceMs: number;
  /** How long a process with the lock may take until it listens. Default: patience. */
  readonly listensWithinMs?: number;
  readonly openService: () => Promise<Service>;
  /** Gets the events that the holder tells, where that is another process. */
  readonly onEvent: Emit;
}

/**
 * Becomes the holder, or a guest of it.
 *
 * @param ended leaves the race
 * @throws LlmdbError `LLMDB_LOCKED` where patience is over, or another version holds the database; what `openService`
 * throws
 */
export async function contend(contest: Contest, ended: AbortSignal): Promise<Link> {
  const places = meetingPlaces(fileStorage.resolve(contest.path));
  const time = new AbortController();
  const timer = timers.setTimeout(() => time.abort(), contest.patienceMs);
  const leave = (): void => time.abort();
  ended.addEventListener("abort", leave);
  if (ended.aborted) leave();
  try {
    return await run(contest, places, time.signal);
  } finally {
    timers.clearTimeout(timer);
    ended.removeEventListener("abort", leave);
  }
}

async function run(contest: Contest, places: readonly MeetingPlace[], patience: AbortSignal): Promise<Link> {
  const lastChance = fileStorage.now() + (contest.listensWithinMs ?? Number.POSITIVE_INFINITY);
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    const met = await meet(contest, places, patience);
    if (met instanceof Guest) return met;
    try {
      const service = await contest.openService();
      return await Holder.open(places, service, contest.serviceName);
    } catch (error) {
      if (!(error instanceof LlmdbError) || error.code !== "LLMDB_LOCKED") throw error;
      const isAlone = met.why === "absent" && fileStorage.now() > lastChance;
      if (patience.aborted || isAlone) throw refusal(contest.path, met, error);
    }
    await sleep(pauseMs, patience);
  }
}

/** The holder, or why it was not met: the most telling reason of all places. */
async function meet(
  contest: Contest,
  places: readonly MeetingPlace[],
  patience: AbortSignal,
): Promise<Guest | Absence> {
  let absence: Absence = { why: "absent" };
  for (const place of places) {
    const met = await Guest.meet(place, contest.serviceName, contest.caller, contest.onEvent, patience);
    if (met instanceof Guest) return met;
    if (met.why !== "absent") absence = met;
  }
  return absence;
}

/** With chance, so that those who were refused together do not come again together. Ends when patience does. */
async function sleep(pauseMs: number, patience: AbortSignal): Promise<void> {
  const chance = new Uint8Array(1);
  fileStorage.random(chance);
  try {
    await pause(pauseMs * (0.5 + chance[0] / 256), patience);
  } catch {
    // Patience is over: the last try follows.
  }
}

function refusal(path: string, absence: Absence, cause: LlmdbError): LlmdbError {
  const holder = fileStorage.holder(fileStorage.resolve(path));
  const details = { path, holder };
  const because = {
    absent: "does not share it; close it there, or let that process end",
    silence: "does not answer; let it go on if it is stopped, or end it",
    stranger: "belongs to another user; one database is shared among processes of one user",
  }[absence.why];
  return new LlmdbError("LLMDB_LOCKED", `${path} is held by ${holderName(holder)}, which ${because}`, details, {
    cause,
  });
}
