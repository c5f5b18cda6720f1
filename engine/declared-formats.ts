/**
 * How handles say that maps store their values, for maps that do not exist yet. Guarantees: the choice of an open
 * handle holds for every write of the database, in transactions too; handles that differ are an error. A map that is
 * removed may be declared again.
 */
import { LlmdbError } from "../pager/error.js";
import type { ValueFormat } from "./value.js";

export class DeclaredFormats {
  readonly #formats = new Map<string, ValueFormat>();

  /** What was declared for a map. */
  of(name: string): ValueFormat | undefined {
    return this.#formats.get(name);
  }

  /**
   * A handle declares a map that does not exist.
   *
   * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` where another handle declared something else
   */
  declare(name: string, format: ValueFormat): void {
    this.require(name, format);
    this.#formats.set(name, format);
  }

  /** Throws where `asked` is not what was declared. */
  require(name: string, asked: ValueFormat): void {
    const declared = this.#formats.get(name);
    if (declared === undefined || declared === asked) return;
    throw new LlmdbError(
      "LLMDB_INVALID_ARGUMENT",
      `an open handle of map "${name}" stores its values as ${declared}, not ${asked}; leave the option out, ` +
        "or choose another name",
      { map: name, declared, asked },
    );
  }

  forget(name: string): void {
    this.#formats.delete(name);
  }
}
