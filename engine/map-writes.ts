/**
 * What can be written to an ordered map, as types: inside a transaction, and on the map itself, where each write is a
 * transaction of its own.
 */

import type { Key } from "./key.js";
import type { Range } from "./range.js";
import type { Receipt } from "./receipt.js";

/** Writes inside a transaction. */
export interface MapWrites<K extends Key = Key, V = unknown> {
  put(key: K, value: V): void;
  delete(key: K): void;
  clear(range?: Range): void;
}

/** The same writes, each a transaction of its own that resolves when it is as durable as the database promises. */
export type Committing<W> = {
  [M in keyof W]: W[M] extends (...args: infer A) => void ? (...args: A) => Promise<Receipt> : never;
};
