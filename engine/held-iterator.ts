/**
 * The base of every iterator that is handed out. Guarantees: it inherits from `Iterator.prototype`, so that `map`,
 * `take`, `toArray` and the rest work where the platform has them (Node 22 and later); what it holds is let go at its
 * end, by `return`, which loops and those methods call when they end early, and by `using`.
 */

/** What all iterators of the platform inherit from. Node 20 has it too, but without methods and without a name. */
const platformIterator: object = Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]()));

export abstract class HeldIterator<T> {
  static {
    Object.setPrototypeOf(HeldIterator.prototype, platformIterator);
  }

  abstract next(): IteratorResult<T, undefined>;

  /** Lets go of what is held. There is nothing after it. */
  abstract return(): IteratorResult<T, undefined>;

  [Symbol.iterator](): this {
    return this;
  }

  [Symbol.dispose](): void {
    this.return();
  }
}

/** What a generator yields. */
export class YieldIterator<T> extends HeldIterator<T> {
  readonly #from: Iterator<T, undefined>;

  constructor(from: Generator<T, undefined>) {
    super();
    this.#from = from;
  }

  next(): IteratorResult<T, undefined> {
    return this.#from.next();
  }

  return(): IteratorResult<T, undefined> {
    return this.#from.return?.() ?? { done: true, value: undefined };
  }
}
