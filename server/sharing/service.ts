/**
 * What is shared between processes, and what a process has of it: the words of this folder. Guarantees of a `Link`: a
 * request ends with its reply, with the error that the service threw, or with `ConnectionLost`.
 */
import { fromJsonText, toJson } from "../../models/values/json-forms.js";

/** Tells every process that shares the service that something happened. `data` is a JSON value. */
export type Emit = (event: string, data?: unknown) => void;

/** Which request it is. It stays the same when the request is sent again. */
export interface RequestId {
  /** Who makes it: 32 random digits, which no other user of the service is told. */
  readonly caller: string;
  /** From 1, rising with each request of the caller. */
  readonly number: number;
  /** When it was first sent, in milliseconds since 1970. It does not fall from one request of a caller to the next. */
  readonly madeAt: number;
}

/**
 * What runs where the database is open. Parameters, replies and the data of events are JSON values, among which there
 * may also be bigints, `Uint8Array`s, `Date`s, and the numbers that JSON lacks.
 */
export interface Service {
  /**
   * Answers one request. Calls run alongside each other.
   *
   * @param id The same request may come again with it, after the process that had it was lost: then the answer must be
   * the first reply, and nothing may be written a second time. `Replies` keeps them.
   */
  call(method: string, params: unknown, id: RequestId): Promise<unknown>;
  /** Closes the database, so that another process can open it. No call is running then, and none comes later. */
  close(): Promise<void>;
}

/** Whether the service runs in this process, or in another one. */
export type Role = "holder" | "guest";

/** The way to the service, for as long as it lasts. */
export interface Link {
  readonly role: Role;
  /** Resolves when the other process was lost; never in the process that holds the database. */
  readonly lost: Promise<void>;
  request(id: RequestId, method: string, params: unknown): Promise<unknown>;
  close(): Promise<void>;
}

/** The process that has the database is gone, and what became of the request is not known. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";
}

/** As the other side of a socket would see a value: a copy, without what a frame cannot say. */
export function messageCopy(value: unknown): unknown {
  const text: string | undefined = JSON.stringify(toJson(value));
  return text === undefined ? undefined : fromJsonText(text);
}
