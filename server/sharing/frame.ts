/**
 * Frames: four bytes with a length, big-endian, and that many bytes of JSON in UTF-8, with what JSON cannot say in the
 * forms of the command line. Guarantees: a message comes out as it went in; a frame is read whole or not at all,
 * however the stream was cut; no more than the limit is ever held for one; what is no frame is an error, after which
 * the stream is of no use.
 */
import { fromJsonText, toJsonText } from "../../models/values/json-forms.js";
import { LlmdbError } from "../../pager/error.js";

/** The longest JSON text of one frame. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;
const HEADER_BYTES = 4;

const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * One message as bytes.
 *
 * @throws LlmdbError `LLMDB_VALUE_TOO_LARGE`, `LLMDB_INVALID_ARGUMENT` for what is nested too deeply
 */
export function encodeFrame(message: object): Buffer {
  const text = toJsonText(message);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_FRAME_BYTES) {
    throw new LlmdbError(
      "LLMDB_VALUE_TOO_LARGE",
      `a message to the process that holds the database, or from it, has ${bytes} bytes, the most is ` +
        `${MAX_FRAME_BYTES}; ask for less at a time, or write in parts`,
      { bytes, limit: MAX_FRAME_BYTES },
    );
  }
  const frame = Buffer.allocUnsafe(HEADER_BYTES + bytes);
  frame.writeUInt32BE(bytes, 0);
  frame.write(text, HEADER_BYTES);
  return frame;
}

/** Puts the pieces of a stream together. */
export class FrameReader {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #held = 0;

  constructor(limit = MAX_FRAME_BYTES) {
    this.#limit = limit;
  }

  /**
   * Takes the next piece and gives the messages that it completes, one at a time.
   *
   * @throws LlmdbError `LLMDB_IO` where the stream is not one of frames
   */
  *read(piece: Buffer): IterableIterator<unknown> {
    this.#pieces.push(piece);
    this.#held += piece.length;
    for (let length = this.#length(); length !== undefined; length = this.#length()) {
      if (this.#held < HEADER_BYTES + length) return;
      const bytes = this.#joined();
      const end = HEADER_BYTES + length;
      const rest = bytes.subarray(end);
      this.#pieces = rest.length === 0 ? [] : [rest];
      this.#held = rest.length;
      yield parse(bytes.subarray(HEADER_BYTES, end));
    }
  }

  /** The length that the next frame announces; undefined while it is not there. */
  #length(): number | undefined {
    if (this.#held < HEADER_BYTES) return undefined;
    // Only a header that came in pieces makes it necessary to join them before the frame is complete.
    const first = this.#pieces[0].length < HEADER_BYTES ? this.#joined() : this.#pieces[0];
    const length = first.readUInt32BE(0);
    if (length > this.#limit) throw garbage(`a frame of ${length} bytes, where ${this.#limit} is the most`);
    return length;
  }

  #joined(): Buffer {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    this.#pieces = [bytes];
    return bytes;
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return fromJsonText(decoder.decode(bytes));
  } catch (cause) {
    throw garbage("a frame that is not JSON", cause);
  }
}

/** The error for what the other side should not have said. */
export function garbage(what: string, cause?: unknown): LlmdbError {
  return new LlmdbError(
    "LLMDB_IO",
    `the other side of the socket sent ${what}; see which program connects there`,
    {},
    { cause },
  );
}
