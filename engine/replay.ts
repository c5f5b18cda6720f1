/**
 * Doing again what a commit in the log says. Guarantees: the operations that were logged lead to the same entries, and
 * an operation that does not fit the state is damage, not something to pass over.
 */

import { type BoundFields, holdsFields, sameFields } from "../btree/bounds.js";
import { clearRange } from "../btree/clear.js";
import { put, remove } from "../btree/entries.js";
import { paddedCopy } from "../btree/key-bytes.js";
import { maxInlineBytes, maxKeyBytes } from "../btree/node.js";
import { scrubRange } from "../btree/scrub.js";
import { LlmdbError } from "../pager/error.js";
import { type OperationTarget, readOperations } from "../wal/operation-reader.js";
import { type LogRecord, recordBody } from "../wal/record.js";
import { formatAt } from "./map-record.js";
import type { WorkingMap } from "./working-map.js";
import type { WriteTransaction } from "./write-transaction.js";

/**
 * @throws LlmdbError `LLMDB_CORRUPT`
 */
export function replayCommit(writer: WriteTransaction, commit: LogRecord): void {
  const body = recordBody(commit);
  readOperations(body, new Replay(writer));
  writer.touch();
  // Without operations it moved pages, which is not done again.
  if (body.length > 0) writer.changeTx = commit.tx;
}

class Replay implements OperationTarget {
  readonly #writer: WriteTransaction;
  readonly #maxKeyBytes: number;
  readonly #maxInlineBytes: number;
  #map: WorkingMap | null = null;

  constructor(writer: WriteTransaction) {
    this.#writer = writer;
    this.#maxKeyBytes = maxKeyBytes(writer.writeSet.pageSize);
    this.#maxInlineBytes = maxInlineBytes(writer.writeSet.pageSize);
  }

  map(name: string, format: number, bounds: BoundFields): void {
    // A name is a key of the directory, behind one byte.
    if (name.length === 0 || Buffer.byteLength(name) > this.#maxKeyBytes - 1) throw misfit();
    const map = this.#writer.map(name);
    const logged = formatAt(format);
    if (logged === undefined || (map.format !== null && map.format !== logged)) throw misfit();
    if (map.format === null) map.tree.bounds = bounds;
    else if (!sameFields(map.bounds, bounds)) throw misfit();
    map.format = logged;
    this.#map = map;
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const map = this.#changed();
    if (!holdsFields(map.bounds, key.length, value.length, this.#maxInlineBytes)) throw misfit();
    put(map.tree, this.#writer.writeSet, this.#key(key), key.length, value, value.length);
  }

  delete(key: Uint8Array): void {
    const map = this.#changed();
    if (!remove(map.tree, this.#writer.writeSet, this.#key(key), key.length)) throw misfit();
  }

  clear(lower: Uint8Array | null, upper: Uint8Array | null): void {
    const map = this.#changed();
    const bounds = {
      lower: lower === null ? null : this.#padded(lower),
      lowerLength: lower?.length ?? 0,
      upper: upper === null ? null : this.#padded(upper),
      upperLength: upper?.length ?? 0,
    };
    clearRange(map.tree, this.#writer.writeSet, bounds);
    // It may be there for the separators alone.
    scrubRange(map.tree, this.#writer.writeSet, bounds);
  }

  drop(): void {
    const { name } = this.#changed();
    if (!this.#writer.drop(name)) throw misfit();
    this.#map = null;
  }

  erase(): void {
    this.#writer.requireErasure();
  }

  #changed(): WorkingMap {
    if (this.#map === null) throw misfit();
    this.#writer.relieve();
    this.#map.changed = true;
    return this.#map;
  }

  #key(key: Uint8Array): Uint8Array {
    if (key.length > this.#maxKeyBytes) throw misfit();
    return this.#padded(key);
  }

  #padded(key: Uint8Array): Uint8Array {
    // The upper bound of a range may be a byte longer than a key.
    if (key.length > this.#maxKeyBytes + 1) throw misfit();
    return paddedCopy(key, key.length);
  }
}

function misfit(): LlmdbError {
  return new LlmdbError("LLMDB_CORRUPT", "the log does not fit the state that it follows; restore a backup");
}
