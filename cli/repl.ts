/**
 * `llmdb repl`: a prompt of Node with the database open. Guarantees: the database is closed when the prompt ends, also
 * where input was piped in; results are shown as Node shows them.
 */
import { Console } from "node:console";
import { homedir } from "node:os";
import { join } from "node:path";
import { type REPLServer, start } from "node:repl";
import { PassThrough, Writable } from "node:stream";
import { inspect } from "node:util";
import type { Command } from "commander";
import * as llmdb from "../index.js";
import { onCall } from "./command.js";
import { linesOf } from "./formats/lines.js";
import { type CommonFlags, explain, writingCommand } from "./options.js";
import { safeText } from "./safe-text.js";
import type { Output, Streams } from "./streams.js";

interface ReplFlags extends CommonFlags {
  readonly readOnly?: boolean;
}

const HISTORY_FILE = ".llmdb_repl_history";

export function replCommand(streams: Streams): Command {
  const command = writingCommand("repl", "opens a prompt for JavaScript, with the database as `db`")
    .summary("a prompt for JavaScript with the database open")
    .option("--read-only", "only reads, also alongside a writer");
  explain(command, ["repl --db agent.llmdb", "repl --read-only <<< 'db.get(\"nodejs/16\")'"]);
  command.addHelpText(
    "after",
    `\nIn scope: db, and ${Object.keys(llmdb).sort().join(", ")}. await works. Lines are kept in ~/${HISTORY_FILE},\n` +
      "or in the file that LLMDB_REPL_HISTORY names; none is kept if that is empty.",
  );
  return onCall<ReplFlags>(command, streams, async (run) => {
    const db =
      run.flags.readOnly === true ? run.database("read") : run.database("write", ", or only read, with --read-only");
    const { stdin, stdout } = streams;
    const isTerminal = stdin.isTTY === true && stdout.isTTY === true;
    if (isTerminal) await run.out.line(`${db.path}, as db; .help lists commands, .exit leaves`);
    await run.out.flush();
    const input = isTerminal ? stdin : new PassThrough();
    const server = start({
      prompt: isTerminal ? "llmdb> " : "",
      input,
      output: stdout,
      terminal: isTerminal,
      // It would show values past the writer.
      preview: false,
      writer: (value) => shown(value, run.out.hasColours),
    });
    Object.assign(server.context, llmdb, { db, console: consoleOn(run.out) });
    const ended = new Promise<void>((resolve) => server.once("exit", resolve));
    if (isTerminal) await keepHistory(server, streams.env);
    if (input instanceof PassThrough) await new Feeder(server, input).feed(stdin);
    await ended;
  });
}

/** As Node shows it. What a message of an error or a name has in it must not reach the terminal. */
function shown(value: unknown, hasColours: boolean): string {
  const plain = inspect(value, { showProxy: true });
  const safe = safeText(plain);
  return safe === plain && hasColours ? inspect(value, { showProxy: true, colors: true }) : safe;
}

/** What a program prints, as the commands print it. */
function consoleOn(out: Output): Console {
  const print = new Writable({
    decodeStrings: false,
    write: (text, _encoding, done) =>
      void out
        .text(String(text))
        .then(() => out.flush())
        .then(() => done(), done),
  });
  return new Console(print);
}

/** Hands on lines one by one: a prompt without a terminal would not wait for what a line awaits. */
class Feeder {
  readonly #input: PassThrough;
  #next: () => void = () => {};
  #isOver = false;

  constructor(server: REPLServer, input: PassThrough) {
    this.#input = input;
    // It asks for the next line when it is done with one, whatever came of it. No one sees a prompt here.
    const displayPrompt = () => this.#next();
    Object.assign(server, { displayPrompt });
    server.once("exit", () => {
      this.#isOver = true;
      this.#next();
    });
  }

  async feed(from: AsyncIterable<Uint8Array | string>): Promise<void> {
    for await (const { text } of linesOf(from)) {
      if (this.#isOver) return;
      const done = new Promise<void>((resolve) => {
        this.#next = resolve;
      });
      this.#input.write(`${text ?? ""}\n`);
      await done;
    }
    this.#input.end();
  }
}

/** Without a place for it, a prompt works all the same. */
async function keepHistory(server: REPLServer, env: Streams["env"]): Promise<void> {
  const path = env.LLMDB_REPL_HISTORY ?? join(homedir(), HISTORY_FILE);
  if (path === "") return;
  await new Promise<void>((resolve) => server.setupHistory(path, () => resolve()));
}
