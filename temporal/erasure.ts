/**
 * Physical removal of a key: every slice, every value, and the key itself in the transaction log. Guarantees: nothing
 * of it can be asked for any more, at any time; its bytes are gone from file and log after the next checkpoint; the
 * transaction log keeps that something was erased, and a hash. The metadata of a transaction goes with the last key
 * that it names: who and why is about what was written, and may quote it.
 */
import type { ByteMapWriter } from "../engine/byte-map.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { sha256 } from "../pager/digest.js";
import { MINUS_INFINITY, PLUS_INFINITY } from "./instant.js";
import { HEAD, HISTORY, LIVE, MENTIONS, TX_BYTES, VALUES } from "./maps.js";
import { mentionsOf } from "./mention.js";
import { closedSlices, everythingOf, knownSlices } from "./reader.js";
import type { StoredKey } from "./stored-key.js";
import { readRow, rowKey } from "./transaction-log.js";
import { encodeRow, hashKeyInRow } from "./transaction-row.js";
import type { WrittenMaps } from "./written-maps.js";

const ALL = { validFrom: MINUS_INFINITY, validTo: PLUS_INFINITY, txFrom: 0, txTo: Number.POSITIVE_INFINITY };

export class Erasure {
  readonly #writer: WriteTransaction;
  readonly #maps: WrittenMaps;
  readonly #key: StoredKey;

  constructor(writer: WriteTransaction, maps: WrittenMaps, key: StoredKey) {
    this.#writer = writer;
    this.#maps = maps;
    this.#key = key;
  }

  /** Removes the key and returns its hash. */
  run(): Uint8Array {
    const stored = this.#key.slice();
    const hash = sha256(stored);
    for (const tx of this.#transactions()) this.#hashInRow(tx, stored, hash);
    this.#clear(this.#maps.head, HEAD);
    this.#clear(this.#maps.live, LIVE);
    this.#clear(this.#maps.history, HISTORY);
    this.#clear(this.#maps.values, VALUES);
    this.#clear(this.#maps.mentions, MENTIONS);
    this.#writer.requireErasure();
    return hash;
  }

  /** Those that wrote or closed a slice of the key, or mention it: only their rows name it. */
  #transactions(): Set<number> {
    const transactions = new Set<number>();
    for (const slice of knownSlices(this.#maps.sources, this.#key)) transactions.add(slice.txFrom);
    for (const slice of closedSlices(this.#maps.sources, this.#key, ALL)) {
      transactions.add(slice.txFrom);
      transactions.add(slice.txTo);
    }
    for (const tx of mentionsOf(this.#maps.sources, this.#key)) transactions.add(tx);
    transactions.delete(this.#writer.writeSet.tx);
    return transactions;
  }

  #hashInRow(tx: number, stored: Uint8Array, hash: Uint8Array): void {
    const row = readRow(this.#maps.sources.transactions, tx);
    if (row === undefined) return;
    const hashed = hashKeyInRow(row, stored, hash);
    const namesNothing = hashed.operations.every(({ isHashed }) => isHashed);
    const bytes = encodeRow(namesNothing ? { ...hashed, meta: null } : hashed);
    this.#maps.transactions.put(rowKey(tx), TX_BYTES, bytes, bytes.length);
  }

  #clear(map: ByteMapWriter, name: string): void {
    map.clear(everythingOf(this.#key));
    this.#writer.scrub(name, this.#key.slice());
  }
}
