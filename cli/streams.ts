/**
 * What a command reads from and writes to. Guarantees: writing waits where the reader is slow, so that a large output
 * does not pile up in memory; nothing that is stored can send commands to a terminal; colours are used on a terminal
 * only, and not against `NO_COLOR` or `--no-color`.
 */
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { styleText } from "node:util";
import { safeLine, safeText } from "./safe-text.js";

/** A stream that may be a terminal. */
export type Screen = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** The world of a command, so that it can be run without a process of its own. */
export interface Streams {
  /**
   * Only a command that reads it may look at it: looking makes Node switch a pipe that other programs share to
   * non-blocking, and their reads then fail.
   */
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Screen;
  readonly stderr: Screen;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** 0 well, 1 not found, found or failed, 2 bad usage. */
  exitCode: number;
}

/** Text in a style, where there are colours. */
export interface Styled {
  readonly style: "bold" | "dim" | "red" | "green" | "cyan";
  readonly text: string;
}

/** What can be written: text, or pieces of it in a row. */
export type Printed = string | readonly (string | Styled)[];

/** Lines are gathered up to this length. */
const CHUNK = 64 * 1024;
const DEFAULT_COLUMNS = 80;

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
  async line(printed: Printed): Promise<void> {
    await this.text(typeof printed === "string" ? `${printed}\n` : [...printed, "\n"]);
  }

  /** A value that JSON can say, as a line of it. */
  async json(value: unknown, indent?: number): Promise<void> {
    await this.line(safeText(JSON.stringify(value, null, indent)));
  }

  async text(printed: Printed): Promise<void> {
    this.#pending +=
      typeof printed === "string" ? this.#shown(printed) : printed.map((one) => this.#shown(one)).join("");
    if (this.#pending.length >= CHUNK) await this.flush();
  }

  /** Bytes as they are. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.flush();
    await this.#write(bytes);
  }

  /** Hands on what was gathered. */
  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    if (text !== "") await this.#write(text);
  }

  async #write(piece: string | Uint8Array): Promise<void> {
    // It may have failed while nothing waited for it.
    if (this.#stream.errored) throw this.#stream.errored;
    if (!this.#stream.write(piece)) await once(this.#stream, "drain");
  }

  #shown(piece: string | Styled): string {
    if (typeof piece === "string") return this.isTerminal ? safeText(piece) : piece;
    const text = this.#shown(piece.text);
    return this.#colour ? styleText(piece.style, text, { validateStream: false }) : text;
  }
}

/** Tells a person something, in one line. */
export function say(stream: Screen, text: string): void {
  stream.write(`${safeLine(text)}\n`);
}
