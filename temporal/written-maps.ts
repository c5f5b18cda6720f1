/**
 * The maps of the store in a write transaction. Guarantees: a map is looked at when it is first needed, and comes into
 * being with the first write to it.
 */
import type { BoundFields } from "../btree/bounds.js";
import { ByteMapWriter } from "../engine/byte-map.js";
import type { ByteSource } from "../engine/byte-source.js";
import type { WriteTransaction } from "../engine/write-transaction.js";
import { HEAD, HISTORY, HISTORY_BOUNDS, LIVE, MENTIONS, type TemporalMaps, TRANSACTIONS, VALUES } from "./maps.js";

/** One of the maps, with what reads it. */
class WrittenMap {
  readonly #transaction: WriteTransaction;
  readonly #name: string;
  readonly #bounds: BoundFields | undefined;
  #writer: ByteMapWriter | undefined;
  #source: ByteSource | undefined;

  constructor(transaction: WriteTransaction, name: string, bounds?: BoundFields) {
    this.#transaction = transaction;
    this.#name = name;
    this.#bounds = bounds;
  }

  get writer(): ByteMapWriter {
    this.#writer ??= new ByteMapWriter(this.#transaction, this.#name, this.#bounds);
    return this.#writer;
  }

  get source(): ByteSource {
    this.#source ??= this.writer.source();
    return this.#source;
  }
}

/** The maps to read, as they are in a transaction. */
class WrittenSources implements TemporalMaps {
  readonly #maps: Readonly<Record<keyof TemporalMaps, WrittenMap>>;

  constructor(maps: Readonly<Record<keyof TemporalMaps, WrittenMap>>) {
    this.#maps = maps;
  }

  get head(): ByteSource {
    return this.#maps.head.source;
  }

  get live(): ByteSource {
    return this.#maps.live.source;
  }

  get history(): ByteSource {
    return this.#maps.history.source;
  }

  get values(): ByteSource {
    return this.#maps.values.source;
  }

  get transactions(): ByteSource {
    return this.#maps.transactions.source;
  }

  get mentions(): ByteSource {
    return this.#maps.mentions.source;
  }
}

export class WrittenMaps {
  /** The same, to read. */
  readonly sources: TemporalMaps;
  readonly #maps: Readonly<Record<keyof TemporalMaps, WrittenMap>>;

  constructor(transaction: WriteTransaction) {
    this.#maps = {
      head: new WrittenMap(transaction, HEAD),
      live: new WrittenMap(transaction, LIVE),
      history: new WrittenMap(transaction, HISTORY, HISTORY_BOUNDS),
      values: new WrittenMap(transaction, VALUES),
      transactions: new WrittenMap(transaction, TRANSACTIONS),
      mentions: new WrittenMap(transaction, MENTIONS),
    };
    this.sources = new WrittenSources(this.#maps);
  }

  get head(): ByteMapWriter {
    return this.#maps.head.writer;
  }

  get live(): ByteMapWriter {
    return this.#maps.live.writer;
  }

  get history(): ByteMapWriter {
    return this.#maps.history.writer;
  }

  get values(): ByteMapWriter {
    return this.#maps.values.writer;
  }

  get transactions(): ByteMapWriter {
    return this.#maps.transactions.writer;
  }

  get mentions(): ByteMapWriter {
    return this.#maps.mentions.writer;
  }
}
