/**
 * The analyzer turns texts, and questions about them, into the terms that they are found by. Guarantees: the same text
 * gives the same terms; it never throws, whatever is in the text; it takes time linear in the length of the text; no
 * term is longer than 64 UTF-16 units.
 *
 * - Case and diacritics do not matter: `Café` is `cafe`. Compatibility forms are the characters that they stand for.
 * - A word is a run of letters, digits and marks. What joins words to a compound is in `compound.ts`.
 * - A slash, a colon and any other sign separate: the parts of a path, of a URL and of a time are terms of their own.
 * - `C++` and `C#` keep their signs.
 * - Scripts without spaces are cut into words, and Han, Kana and Hangul into pairs as well: see `unspaced.ts`.
 *
 * Where words end in Thai, Lao, Khmer, Myanmar and Japanese comes from the dictionaries of the JavaScript engine, and
 * may differ between its versions. An index that drops a text must therefore drop the terms that it kept of it.
 */
import { CONNECTOR, DIGIT, HANGUL, isWordKind, kindAt, LOWER, MARK, UPPER, unitsAt } from "./character-kind.js";
import { addCompoundTerms } from "./compound.js";
import { foldText } from "./folding.js";
import { type Stemmer, stemEnglish } from "./stemmer.js";
import { englishStopWords } from "./stop-words.js";
import { addUnspacedTerms } from "./unspaced.js";
import { MAX_TERM, Words } from "./words.js";

/** Turns text into terms. An index is only ever used with the analyzer that made it, which it knows by its name. */
export interface Analyzer {
  /** Kept in the database. Another name means other terms. */
  readonly name: string;
  /** The terms of a text, in the order of the text, with repetitions. */
  terms(text: string): string[];
}

/** How an analyzer is made. */
export interface AnalyzerOptions {
  /** Makes one term of the forms of a word. Default: every form is a term of its own. */
  stem?: Stemmer;
  /** Words without meaning for a search, in lower case, without apostrophes. Default: none. */
  stopWords?: ReadonlySet<string>;
  /** Change it whenever the other options change. Default: `plain-1` without options, else `custom`. */
  name?: string;
}

/**
 * An analyzer by its parts.
 *
 * @example
 * ```ts
 * const german = createAnalyzer({ name: "german-1", stopWords: new Set(["der", "die", "das", "und"]) });
 * german.terms("Die Katze und der Käse"); // ["katze", "kase"]
 * ```
 */
export function createAnalyzer(options: AnalyzerOptions = {}): Analyzer {
  const { stem, stopWords } = options;
  const words = new Words(stem, stopWords ?? new Set());
  return {
    name: options.name ?? (stem === undefined && stopWords === undefined ? "plain-1" : "custom"),
    terms: (text) => termsOf(foldText(text), words),
  };
}

/** The analyzer that is used unless another is given: English words are stemmed, English stop words left out. */
export const english: Analyzer = createAnalyzer({ name: "english-1", stem: stemEnglish, stopWords: englishStopWords });

/** An analyzer for any language: no stemming, no stop words. */
export const plain: Analyzer = createAnalyzer({ name: "plain-1" });

/** A stretch of text that is one token, and whether it is one word without anything to cut. */
interface Token {
  end: number;
  isWord: boolean;
}

function termsOf(text: string, words: Words): string[] {
  const terms: string[] = [];
  const token: Token = { end: 0, isWord: true };
  let at = 0;
  while (at < text.length) {
    const kind = kindAt(text, at);
    if (isWordKind(kind)) {
      findEnd(text, at, token);
      at = addToken(text, at, token, words, terms);
    } else if (kind >= HANGUL) {
      const end = endOfRun(text, at, kind);
      addUnspacedTerms(text.slice(at, end), kind, terms);
      at = end;
    } else at += unitsAt(text, at);
  }
  return terms;
}

/** Sets `token` to the token that begins at `start`. */
function findEnd(text: string, start: number, token: Token): void {
  let at = start;
  let last = kindAt(text, at);
  let isWord = true;
  for (at += unitsAt(text, at); at < text.length; at += unitsAt(text, at)) {
    if (last === LOWER) at = endOfSmallLetters(text, at);
    if (at >= text.length) break;
    const kind = kindAt(text, at);
    if (kind === LOWER || kind === UPPER || kind === DIGIT) {
      // A word is all of one kind, except for a capital at its beginning.
      if (kind !== last && (last !== UPPER || kind !== LOWER || at > start + 1)) isWord = false;
      last = kind;
    } else if (kind === CONNECTOR) {
      if (at + 1 >= text.length || !isWordKind(kindAt(text, at + 1))) break;
      isWord = false;
    } else if (kind !== MARK) break;
  }
  token.end = at;
  token.isWord = isWord;
}

/** The short way through most of most texts: what follows is no letter from a to z. */
function endOfSmallLetters(text: string, start: number): number {
  let at = start;
  for (let unit = text.charCodeAt(at); unit >= 0x61 && unit <= 0x7a; unit = text.charCodeAt(at)) at++;
  return at;
}

/** Adds the terms of a token and returns where to go on. */
function addToken(text: string, start: number, { end, isWord }: Token, words: Words, terms: string[]): number {
  if (!isWord) {
    addCompoundTerms(text.slice(start, end), words, terms);
    return end;
  }
  const word = text.slice(start, Math.min(end, start + MAX_TERM));
  const sign = signAfter(text, start, end);
  if (sign !== "") words.addExact(word + sign, terms);
  if (sign === "" || word.length > 1) words.add(word, terms);
  return end + sign.length;
}

/** The signs that are part of the names of some languages. */
function signAfter(text: string, start: number, end: number): string {
  const code = text.charCodeAt(end);
  if (code !== 0x2b && code !== 0x23) return "";
  const sign = text.startsWith("++", end)
    ? "++"
    : text.startsWith("#", end) && isOneLetter(text, start, end)
      ? "#"
      : "";
  const next = end + sign.length;
  if (next >= text.length) return sign;
  const kind = kindAt(text, next); // digits may follow: C++17
  return kind === LOWER || kind === UPPER || text[next] === "+" ? "" : sign;
}

function isOneLetter(text: string, start: number, end: number): boolean {
  return end - start === 1 && /[a-z]/i.test(text[start]);
}

function endOfRun(text: string, start: number, kind: number): number {
  let at = start;
  while (at < text.length && kindAt(text, at) === kind) at += unitsAt(text, at);
  return at;
}
