/**
 * The types of functions that a module has, and those added after them. Guarantees: a type that is there is used again;
 * looking one up takes the same time however many there are.
 */
import type { FunctionType } from "./module-reader.js";

export class AddedTypes {
  /** Those that the module does not have, in the order of their numbers. */
  readonly list: Pick<FunctionType, "params" | "results">[] = [];
  readonly #own: readonly FunctionType[];
  /** By what they take and leave; made when one is first asked for. */
  #numbers: Map<string, number> | undefined;

  /** @param own the types of the module */
  constructor(own: readonly FunctionType[]) {
    this.#own = own;
  }

  /** The number of the type that takes and leaves these. */
  numberOf(params: readonly number[], results: readonly number[]): number {
    this.#numbers ??= this.#ownNumbers();
    const key = keyOf(params, results);
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    const number = this.#own.length + this.list.length;
    this.list.push({ params, results });
    this.#numbers.set(key, number);
    return number;
  }

  #ownNumbers(): Map<string, number> {
    const numbers = new Map<string, number>();
    this.#own.forEach(({ params, results }, number) => {
      const key = keyOf(params, results);
      // The first of equal types, so that the same module always comes out as the same bytes.
      if (!numbers.has(key)) numbers.set(key, number);
    });
    return numbers;
  }
}

function keyOf(params: readonly number[], results: readonly number[]): string {
  return `${params.join()}:${results.join()}`;
}
