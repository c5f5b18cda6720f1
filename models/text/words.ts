/**
 * Words on their way to terms: folded, looked up among the stop words, stemmed. Guarantees: a term has at most
 * `MAX_TERM` units, and is never empty; the memory of words is bounded.
 */
import { foldWord } from "./folding.js";
import type { Stemmer } from "./stemmer.js";

/** The longest term. What is longer is cut, so long tokens with the same beginning are one term. */
export const MAX_TERM = 64;

const MAX_KNOWN = 16_384;
/** Longer words are not kept: a slice of thirteen units or more would keep the text alive that it was cut from. */
const MAX_KNOWN_UNITS = 12;

/** Turns words into terms by the rules of one analyzer. */
export class Words {
  readonly #stem: Stemmer | undefined;
  readonly #stopWords: ReadonlySet<string>;
  /** Words as they were written, and their terms; empty for a stop word. */
  readonly #known = new Map<string, string>();

  constructor(stem: Stemmer | undefined, stopWords: ReadonlySet<string>) {
    this.#stem = stem;
    this.#stopWords = stopWords;
  }

  /** Adds the term of a word of letters and digits, unless it is a stop word. */
  add(word: string, terms: string[]): void {
    let term = word.length > MAX_KNOWN_UNITS ? undefined : this.#known.get(word);
    if (term === undefined) {
      term = this.#termOf(word);
      if (word.length <= MAX_KNOWN_UNITS) this.#remember(word, term);
    }
    if (term !== "") terms.push(term);
  }

  /** Adds a token whose signs matter. It is left out when it is too long, since its parts are terms too. */
  addExact(token: string, terms: string[]): void {
    const term = foldWord(token);
    if (term.length <= MAX_TERM) terms.push(term);
  }

  #termOf(word: string): string {
    const folded = cut(foldWord(cut(word)));
    if (this.#stopWords.has(folded)) return "";
    if (this.#stem === undefined || /\p{N}/u.test(folded)) return folded;
    return cut(this.#stem(folded));
  }

  #remember(word: string, term: string): void {
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(word, term);
  }
}

/** At most `MAX_TERM` units, and no half of a pair of surrogates. */
function cut(word: string): string {
  if (word.length <= MAX_TERM) return word;
  const last = word.charCodeAt(MAX_TERM - 1);
  return word.slice(0, last >= 0xd800 && last <= 0xdbff ? MAX_TERM - 1 : MAX_TERM);
}
