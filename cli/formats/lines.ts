/**
 * The lines of a stream. Guarantees: constant memory besides the longest line; bytes that are no UTF-8 are reported
 * instead of being replaced; the last line counts also without a line feed.
 */

/** A line of an input. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** Without its end; undefined where the bytes are no UTF-8. */
  readonly text: string | undefined;
}

const LINE_FEED = 10;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Reads lines from chunks of bytes. */
export async function* linesOf(stream: AsyncIterable<Uint8Array | string>): AsyncGenerator<Line, void> {
  let number = 0;
  let parts: Uint8Array[] = [];
  for await (const given of stream) {
    const chunk = typeof given === "string" ? Buffer.from(given) : given;
    let from = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, from)) {
      parts.push(chunk.subarray(from, end));
      yield { number: ++number, text: textOf(parts) };
      parts = [];
      from = end + 1;
    }
    if (from < chunk.length) parts.push(chunk.subarray(from));
  }
  if (parts.length > 0) yield { number: ++number, text: textOf(parts) };
}

function textOf(parts: readonly Uint8Array[]): string | undefined {
  try {
    return decoder.decode(parts.length === 1 ? parts[0] : Buffer.concat(parts)).replace(/\r$/, "");
  } catch {
    return undefined;
  }
}
