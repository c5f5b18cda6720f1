/**
 * A state that is read without a trace; see `engine/still-reader.ts`. Guarantees: the answers are those of the sources
 * that it was made of.
 */
import type { ByteSource } from "../engine/byte-source.js";
import type { CommittedState } from "../engine/committed-state.js";
import { stillReader, stillSource } from "../engine/still-reader.js";
import type { TemporalMaps } from "./maps.js";
import type { HeldSources, Sources } from "./sources.js";

export class StillSources implements Sources {
  readonly state: CommittedState;
  readonly isWriting = false;
  readonly ownMicros = 0;
  readonly #held: HeldSources;
  readonly #maps: TemporalMaps;

  constructor(held: HeldSources) {
    this.state = held.state;
    this.#held = held;
    const { head, live, history, values, transactions, mentions } = held.maps();
    const some = head ?? live ?? history ?? values ?? transactions;
    const reader = some && stillReader(held.state.store, some.reader);
    const still = (map: ByteSource | undefined) => map && reader && stillSource(map, reader);
    this.#maps = {
      head: still(head),
      live: still(live),
      history: still(history),
      values: still(values),
      transactions: still(transactions),
      mentions: still(mentions),
    };
  }

  get latestTx(): number {
    return this.#held.latestTx;
  }

  get latestMicros(): number {
    return this.#held.latestMicros;
  }

  requireOpen(): void {
    this.#held.requireOpen();
  }

  maps(): TemporalMaps {
    this.requireOpen();
    return this.#maps;
  }

  horizon(): number {
    return this.#held.horizon();
  }

  nowMicros(): number {
    return this.#held.nowMicros();
  }

  isOvertaken(micros: bigint): boolean {
    return this.#held.isOvertaken(micros);
  }

  hold(): HeldSources {
    return this.#held.hold();
  }
}
