/**
 * What processes say to each other. Each side opens with a hello; then guests send requests, and the holder replies, in
 * any order, and tells events. Guarantees: what is parsed has the fields of its kind; an `LlmdbError` comes out on the
 * other side with its code, message and details, any other error with its message.
 */
import { toJsonText } from "../../models/values/json-forms.js";
import { LlmdbError, type LlmdbErrorCode } from "../../pager/error.js";
import { garbage } from "./frame.js";

/** Raised when the messages change. The hello itself stays as it is, so that versions can tell each other apart. */
export const PROTOCOL = 2;

/** The ids of callers. */
const CALLER = /^[0-9a-f]{32}$/;
const MAX_MESSAGE_CHARACTERS = 100_000;
const MAX_DETAILS_CHARACTERS = 1_000_000;

export interface Hello {
  readonly protocol: number;
  /** What the service understands; both sides must say the same. */
  readonly service: string;
  readonly pid: number;
  /** Who makes the requests of a guest; the holder makes none. See `RequestId`. */
  readonly caller?: string;
}

export interface Request {
  /** The number of the request, see `RequestId`. */
  readonly id: number;
  readonly madeAt: number;
  readonly method: string;
  readonly params?: unknown;
}

export interface Failure {
  readonly code?: string;
  readonly message: string;
  readonly details?: object;
}

export interface Reply {
  readonly id: number;
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
  const caller = field(message, "caller");
  return { protocol, service, pid, ...(typeof caller === "string" && CALLER.test(caller) && { caller }) };
}

export function parseRequest(message: unknown): Request {
  const [id, madeAt, method] = [field(message, "id"), field(message, "madeAt"), field(message, "method")];
  if (!isCount(id) || typeof madeAt !== "number" || !Number.isFinite(madeAt) || typeof method !== "string") {
    throw garbage("no request");
  }
  return { id, madeAt, method, params: field(message, "params") };
}

/** A reply or an event. */
export function parseAnswer(message: unknown): Reply | EventMessage {
  const [id, event] = [field(message, "id"), field(message, "event")];
  if (typeof event === "string") return { event, data: field(message, "data") };
  if (!isCount(id)) throw garbage("neither a reply nor an event");
  const error = field(message, "error");
  return error === undefined ? { id, result: field(message, "result") } : { id, error: parseFailure(error) };
}

/** An error as something that JSON can say, and that is short enough for any frame. */
export function failureOf(error: unknown): Failure {
  const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE_CHARACTERS);
  if (!(error instanceof LlmdbError)) return { message };
  const { code, details } = error;
  try {
    return toJsonText(details).length > MAX_DETAILS_CHARACTERS ? { code, message } : { code, message, details };
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

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value > 0;
}

function isCode(code: string): code is LlmdbErrorCode {
  return Object.hasOwn(CODES, code);
}

function field(message: unknown, name: string): unknown {
  return typeof message === "object" && message !== null && Object.hasOwn(message, name)
    ? Reflect.get(message, name)
    : undefined;
}
