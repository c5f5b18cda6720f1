/**
 * What a command reads from and writes to. Guarantees: writing waits where the reader is slow, so that a large output
 * does not pile up in memory; colours are used on a terminal only, and not against `NO_COLOR` or `--no-color`.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";

/** A stream that may be a terminal. */
export type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** The world of a command, so that it can be run without a process of its own. */
export interface Streams {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** 0 well, 1 not found, found or failed, 2 bad usage. */
  exitCode: number;
}

/** Lines are gathered up to this length. */
const CHUNK = 64 * 1024;
const DEFAULT_COLUMNS = 80;
// Everything but tab and line feed that moves the cursor or changes the terminal.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Text that goes somewhere piece by piece. */
export class Output {
  readonly #stream: Screen;
  readonly #colour: boolean;
  #pending = "";

  constructor(stream: Screen, colour = false) {
    this.#stream = stream;
    this.#colour = colour && stream.isTTY === true;
  }

  get hasColours(): boolean {
    return this.#colour;
  }

  get isTerminal(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Characters in a line; without a terminal there is no limit. Some terminals say 0. */
  get columns(): number {
    return this.isTerminal ? this.#stream.columns || DEFAULT_COLUMNS : Number.POSITIVE_INFINITY;
  }

  /** A line; resolves when there is room for the next one. */
  async line(text: string): Promise<void> {
    await this.text(`${text}\n`);
  }

  async text(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length >= CHUNK) await this.flush();
  }

  /** Hands on what was gathered. */
  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    if (text !== "" && !this.#stream.write(text)) await once(this.#stream, "drain");
  }

  /** Text in a style, where there are colours. */
  styled(style: "bold" | "dim" | "red" | "green" | "cyan", text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }

  /** Stored text; on a terminal it cannot send commands to it. */
  foreign(text: string): string {
    return this.isTerminal ? visible(text) : text;
  }
}

/** Text in which control characters are spelled out. */
export function visible(text: string): string {
  return text.replace(CONTROLS, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
