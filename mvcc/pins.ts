/**
 * The reader register: which transactions somebody still looks at. Snapshots pin theirs, and so do the newest two meta
 * pages on disk and a checkpoint that is being written. Guarantees: pins are counted; the question "is a transaction in
 * [from, to) pinned?" costs a binary search.
 */
export class Pins {
  readonly #txs: number[] = [];
  readonly #counts: number[] = [];

  /** The newest pinned transaction, or -1. */
  get newest(): number {
    return this.#txs.at(-1) ?? -1;
  }

  pin(tx: number): void {
    const place = this.#lowerBound(tx);
    if (this.#txs[place] === tx) this.#counts[place]++;
    else {
      this.#txs.splice(place, 0, tx);
      this.#counts.splice(place, 0, 1);
    }
  }

  /** Returns true where no one looks at `tx` any more. */
  unpin(tx: number): boolean {
    const place = this.#lowerBound(tx);
    if (this.#txs[place] !== tx || --this.#counts[place] > 0) return false;
    this.#txs.splice(place, 1);
    this.#counts.splice(place, 1);
    return true;
  }

  /** The newest pinned transaction in [from, to), or -1. */
  newestIn(from: number, to: number): number {
    const place = this.#lowerBound(to) - 1;
    return place >= 0 && this.#txs[place] >= from ? this.#txs[place] : -1;
  }

  /** The first place whose transaction is not below `tx`. */
  #lowerBound(tx: number): number {
    let low = 0;
    let high = this.#txs.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#txs[middle] < tx) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
