/**
 * What processes say to each other. Each side opens with a hello; then guests send requests, and the holder replies, in
 * any order, and tells events. Guarantees: what is parsed has the fields of its kind; an `LlmdbError` comes out on the
 * other side with its code, message and details, any other error with its message.
 */
import { LlmdbError, type LlmdbErrorCode } from "../../pager/error.js";
import { garbage } from "./frame.js";

/** Raised when the messages change. The hello itself stays as it is, so that versions can tell each other apart. */
export const PROTOCOL = 1;

const MAX_ID_CHARACTERS = 200;
const MAX_MESSAGE_CHARACTERS = 100_000;
const MAX_DETAILS_CHARACTERS = 1_000_000;

export interface Hello {
  readonly protocol: number;
  /** What the service understands; both sides must say the same. */
  readonly service: string;
  readonly pid: number;
}

export interface Request {
  readonly id: string;
  readonly method: string;
  readonly params?: unknown;
}

export interface Failure {
  readonly code?: string;
  readonly message: string;
  readonly details?: object;
}

export interface Reply {
  readonly id: string;
  readonly result?: unknown;
  readonly error?: Failure;
}

export interface EventMessage {
  readonly event: string;
  readonly data?: unknown;
}

/** Every code, so that one that this version does not know is not passed off as one that it knows. */
const CODES: Record<LlmdbErrorCode, true> = {
  LLMDB_INVALID_ARGUMENT: true,
  LLMDB_KEY_TOO_LONG: true,
  LLMDB_VALUE_TOO_LARGE: true,
  LLMDB_CLOSED: true,
  LLMDB_READ_ONLY: true,
  LLMDB_LOCKED: true,
  LLMDB_NOT_FOUND: true,
  LLMDB_NOT_A_DATABASE: true,
  LLMDB_FORMAT_VERSION: true,
  LLMDB_CORRUPT: true,
  LLMDB_IO: true,
  LLMDB_DISK_FULL: true,
  LLMDB_COMMIT_UNKNOWN: true,
  LLMDB_FUTURE_TX: true,
  LLMDB_TIME_ORDER: true,
  LLMDB_UNSUPPORTED: true,
  LLMDB_WASM_REFUSED: true,
  LLMDB_WASM_FUEL: true,
  LLMDB_WASM_STACK: true,
  LLMDB_WASM_MEMORY: true,
  LLMDB_WASM_TIME: true,
  LLMDB_WASM_TRAP: true,
  LLMDB_WASM_ABORT: true,
};

export function parseHello(message: unknown): Hello {
  const [protocol, service, pid] = [field(message, "protocol"), field(message, "service"), field(message, "pid")];
  if (typeof protocol !== "number" || typeof service !== "string" || typeof pid !== "number") {
    throw garbage("no hello");
  }
  return { protocol, service, pid };
}

export function parseRequest(message: unknown): Request {
  const [id, method] = [field(message, "id"), field(message, "method")];
  if (typeof id !== "string" || typeof method !== "string") throw garbage("no request");
  if (id.length > MAX_ID_CHARACTERS) throw garbage(`a request id of ${id.length} characters`);
  return { id, method, params: field(message, "params") };
}

/** A reply or an event. */
export function parseAnswer(message: unknown): Reply | EventMessage {
  const [id, event] = [field(message, "id"), field(message, "event")];
  if (typeof event === "string") return { event, data: field(message, "data") };
  if (typeof id !== "string") throw garbage("neither a reply nor an event");
  const error = field(message, "error");
  return error === undefined ? { id, result: field(message, "result") } : { id, error: parseFailure(error) };
}

/** An error as something that JSON can say, and that is short enough for any frame. */
export function failureOf(error: unknown): Failure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE_CHARACTERS);
  if (!(error instanceof LlmdbError)) return { message };
  const { code, details } = error;
  try {
    return JSON.stringify(details).length > MAX_DETAILS_CHARACTERS ? { code, message } : { code, message, details };
  } catch {
    return { code, message };
  }
}

/** The error that a failure was made of, as far as it can be had back. */
export function errorOf({ code, message, details }: Failure): Error {
  if (code === undefined || !isCode(code)) return new Error(message);
  return new LlmdbError(code, message, { ...details });
}

function parseFailure(value: unknown): Failure {
  const [code, message, details] = [field(value, "code"), field(value, "message"), field(value, "details")];
  if (typeof message !== "string") throw garbage("an error without a message");
  return {
    message,
    ...(typeof code === "string" && { code }),
    ...(typeof details === "object" && details !== null && { details }),
  };
}

function isCode(code: string): code is LlmdbErrorCode {
  return Object.hasOwn(CODES, code);
}

function field(message: unknown, name: string): unknown {
  return typeof message === "object" && message !== null && Object.hasOwn(message, name)
    ? Reflect.get(message, name)
    : undefined;
}
