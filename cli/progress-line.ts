/**
 * How far something has come, while it runs. Guarantees: on a terminal it is one line that changes; elsewhere a line
 * every few seconds, so that a log stays short.
 */
import { timers } from "../pager/timers.js";
import { safeLine } from "./safe-text.js";
import { type Screen, say } from "./streams.js";
import { cutTo } from "./table.js";

const TERMINAL_MS = 200;
const LOG_MS = 5000;
const DEFAULT_COLUMNS = 80;
const CLEAR_LINE = "\r\u001b[K";

/** A line on a stream, drawn by a timer from the newest text. */
export class ProgressLine {
  readonly #stream: Screen;
  readonly #timer: NodeJS.Timeout;
  #text: string | undefined;

  constructor(stream: Screen, everyMs = stream.isTTY ? TERMINAL_MS : LOG_MS) {
    this.#stream = stream;
    this.#timer = timers.setInterval(() => this.#draw(), everyMs);
    this.#timer.unref();
  }

  /** From now on, this is shown. */
  show(text: string): void {
    this.#text = text;
  }

  /** Takes the line away. */
  end(): void {
    timers.clearInterval(this.#timer);
    if (this.#stream.isTTY) this.#stream.write(CLEAR_LINE);
  }

  #draw(): void {
    if (this.#text === undefined) return;
    const { isTTY, columns } = this.#stream;
    if (isTTY) this.#stream.write(CLEAR_LINE + cutTo(safeLine(this.#text), (columns || DEFAULT_COLUMNS) - 1));
    else say(this.#stream, this.#text);
    this.#text = undefined;
  }
}
