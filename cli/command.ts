/**
 * One run of a command on a database: how it opens the database, prints, and ends. Guarantees: the database is closed
 * before the command ends, errors are reported in the form that was asked for, and reading never takes the lock of the
 * writer.
 */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import { Database, LlmdbError, type LockHolder, open } from "../index.js";
import { isObject, property } from "../models/values/json-forms.js";
import { holderName } from "../pager/storage.js";
import { badUsage, exitCodeOf, failureOf, notFound } from "./failure.js";
import { openedWith } from "./module-bounds.js";
import type { CommonFlags } from "./options.js";
import { makeFolderOf, ownMemory } from "./own-memory.js";
import { ProgressLine } from "./progress-line.js";
import { Output, type Printed, type Streams, say } from "./streams.js";
import { type Place, type Writing, writeHere } from "./writing/command.js";
import type { Fields } from "./writing/fields.js";
import type { ThroughHolder } from "./writing/through-holder.js";

/** How a database is opened. */
export type Access = "read" | "write" | "create";

/** One run of a command. */
export class Run<F extends CommonFlags> {
  readonly flags: F;
  readonly out: Output;
  readonly streams: Streams;
  /** Whether the memory of this user is meant where no database is named. */
  isOfMemory = false;
  #database: Database | undefined;
  #holder: ThroughHolder | undefined;

  constructor(flags: F, streams: Streams) {
    this.flags = flags;
    this.streams = streams;
    this.out = new Output(streams.stdout, flags.color !== false && (streams.env.NO_COLOR ?? "") === "");
  }

  /**
   * Opens the database that the command is about; it is closed at the end.
   *
   * @param access `create` makes a missing file, and says so
   * @param instead what else can be done where another process has it
   * @throws LlmdbError `LLMDB_LOCKED`, which names that process
   */
  database(access: Access, instead = ""): Database {
    const path = this.#path();
    try {
      return this.#open(path, access);
    } catch (error) {
      if (isLocked(error)) throw heldElsewhere(path, error, instead);
      throw error;
    }
  }

  /**
   * Writes, in this process, or through the one that has the database and shares it, as `llmdb mcp` does.
   *
   * @throws LlmdbError what the write throws; `LLMDB_LOCKED` where the process that has the database does not share it
   */
  async write(access: "write" | "create", writing: Writing, request: object, place: Place = {}): Promise<Fields> {
    const holder = await this.writer(access);
    return holder instanceof Database
      ? writeHere(holder, writing, request, place)
      : holder.write(writing, request, place);
  }

  /** Where to write: the database, or the process that has it. */
  async writer(access: "write" | "create"): Promise<Database | ThroughHolder> {
    const path = this.#path();
    try {
      return this.#open(path, access);
    } catch (error) {
      if (!isLocked(error)) throw error;
    }
    // Most of the time it is not needed.
    const { ThroughHolder } = await import("./writing/through-holder.js");
    this.#holder = await ThroughHolder.open(path, { alone: this.flags.alone === true, ...openedWith(this.flags) });
    return this.#holder;
  }

  #path(): string {
    const { env } = this.streams;
    const path = this.flags.db || env.LLMDB_FILE;
    if (path) return path;
    if (this.isOfMemory) return ownMemory(env);
    throw badUsage("no database was named; give --db FILE, or set LLMDB_FILE");
  }

  #open(path: string, access: Access): Database {
    const isNew = !existsSync(path);
    if (isNew && access === "create" && path !== this.flags.db && path === ownMemory(this.streams.env)) {
      makeFolderOf(path);
    }
    if (isNew && access !== "create")
      throw notFound(`there is no database at ${path}; put, remember and import make one`);
    const alone = access !== "read" && this.flags.alone === true;
    const bounds = openedWith(this.flags);
    this.#database = open(path, { readOnly: access === "read", create: access === "create", alone, ...bounds });
    if (isNew) this.note(`created ${path}`);
    if (this.#database.recovered.logMissing) this.note(`warning: ${logMissing(path)}`);
    return this.#database;
  }

  /** The result of a command: as JSON where that was asked for, otherwise as `text` has it. */
  async result(json: unknown, text: () => Printed): Promise<void> {
    await (this.flags.json === true ? this.out.json(json) : this.out.line(text()));
  }

  /** Something worth knowing alongside the result. */
  note(text: string): void {
    say(this.streams.stderr, `llmdb: ${text}`);
  }

  /** Ends with an exit code, once the rest is done. */
  exit(code: number): void {
    this.streams.exitCode = code;
  }

  /** A line that shows how far it has come; only on a terminal. */
  progress(): ProgressLine | undefined {
    return this.streams.stderr.isTTY === true ? new ProgressLine(this.streams.stderr) : undefined;
  }

  /** @internal */
  async finish(): Promise<void> {
    const database = this.#database;
    this.#database = undefined;
    await database?.close();
    await this.#holder?.close();
  }
}

/** What is to be said of a file that was copied while it was open, or whose log was removed. */
export function logMissing(path: string): string {
  return (
    `the log ${path}-wal is missing, and with it the commits after the last checkpoint; this is an older state. ` +
    "Where the file was copied while it was open, copy it with backup"
  );
}

function isLocked(error: unknown): error is LlmdbError {
  return error instanceof LlmdbError && error.code === "LLMDB_LOCKED";
}

/** For what only the process that has the database could do: in the words of the command line. */
function heldElsewhere(path: string, error: LlmdbError, instead: string): LlmdbError {
  // What has no holder, such as too many readers, is said already.
  if (!("holder" in error.details)) return error;
  const holder = holderIn(error.details.holder);
  return new LlmdbError(
    "LLMDB_LOCKED",
    `${path} is held by ${holderName(holder)}, and this command needs it for itself; ` +
      `end that process first${instead}`,
    error.details,
    { cause: error },
  );
}

/** A holder that an error names, which may have come through a socket. */
function holderIn(details: unknown): LockHolder | undefined {
  if (!isObject(details)) return undefined;
  const [pid, host, inContainer] = ["pid", "host", "inContainer"].map((name) => property(details, name));
  if (typeof pid !== "number" || typeof host !== "string") return undefined;
  return { pid, host, startedAt: "", ...(inContainer === true && { inContainer }) };
}

/** What a command does. */
export type Body<F extends CommonFlags> = (run: Run<F>, ...args: (string | undefined)[]) => Promise<void>;

/** Runs the body when the command is called, and reports how it ended. */
export function onCall<F extends CommonFlags>(command: Command, streams: Streams, body: Body<F>): Command {
  return command.action(async (...given: unknown[]) => {
    const args = given.map((arg) => (typeof arg === "string" ? arg : undefined));
    const run = new Run<F>(command.optsWithGlobals<F>(), streams);
    try {
      try {
        await body(run, ...args);
        await run.out.flush();
      } finally {
        await run.finish();
      }
    } catch (error) {
      await report(run, error);
    }
  });
}

async function report<F extends CommonFlags>(run: Run<F>, error: unknown): Promise<void> {
  const failure = failureOf(error);
  run.exit(exitCodeOf(failure));
  if (run.flags.json === true) await run.out.json({ error: failure });
  // What came before the error stays before it.
  await run.out.flush();
  if (run.flags.json !== true) run.note(`${failure.message} (${failure.code})`);
}
