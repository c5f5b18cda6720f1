/** The command line without a process of its own: arguments and input go in, what was printed comes out. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import { afterAll } from "vitest";
import { commandsFor } from "../../cli/commands.js";
import { runProgram } from "../../cli/program.js";

/** How a command ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** What a command is given beside its arguments. */
export interface Given {
  readonly input?: string | Uint8Array;
  readonly env?: Record<string, string>;
  /** Both outputs are terminals of so many columns. */
  readonly columns?: number;
  /** Called when the command looks at its standard input. */
  readonly onStdin?: () => void;
}

export class Collector extends Writable {
  readonly isTTY: boolean;
  readonly columns: number | undefined;
  readonly #chunks: Buffer[] = [];

  constructor(columns: number | undefined) {
    super({
      write: (chunk, _encoding, done) => {
        this.#chunks.push(Buffer.from(chunk));
        done();
      },
    });
    this.isTTY = columns !== undefined;
    this.columns = columns;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString();
  }
}

/** Runs `llmdb` with these arguments. */
export async function llmdb(args: readonly string[], given: Given = {}): Promise<Ended> {
  const stdout = new Collector(given.columns);
  const stderr = new Collector(given.columns);
  const stdin = Readable.from(given.input === undefined ? [] : [Buffer.from(given.input)]);
  const code = await runProgram(await commandsFor(args), args, {
    get stdin() {
      given.onStdin?.();
      return stdin;
    },
    stdout,
    stderr,
    env: given.env ?? {},
    exitCode: 0,
  });
  return { code, out: stdout.text, err: stderr.text };
}

/** A folder that is gone after the tests of the file. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "llmdb-cli-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** What lines of JSON say. */
export function jsonLines(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}
