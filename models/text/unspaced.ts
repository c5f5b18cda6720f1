/**
 * Terms of text in scripts that are written without spaces. Guarantees: a run of up to `MAX_RUN` units has itself among
 * its terms, so a word that is asked for alone is found where it was cut out of a sentence; two neighbouring characters
 * of Han or Kana are always a term, so a part of a compound is found; linear time.
 */
import { type CharacterKind, HAN_KANA, HANGUL } from "./character-kind.js";

const MAX_RUN = 32;
/** The dictionaries look ahead, so a run without an end is given to them in pieces. */
const PIECE = 1024;

let segmenter: Intl.Segmenter | undefined;

/** Adds the terms of a run of characters of one kind. */
export function addUnspacedTerms(run: string, kind: CharacterKind, terms: string[]): void {
  const characters = Array.from(run);
  if (run.length <= MAX_RUN && (characters.length !== 2 || kind !== HAN_KANA)) terms.push(run);
  if (kind === HANGUL) {
    if (characters.length > 2) addPairs(characters, terms);
    return;
  }
  addWords(run, characters, kind, terms);
  if (kind === HAN_KANA) addPairs(characters, terms);
}

function addPairs(characters: readonly string[], terms: string[]): void {
  for (let at = 1; at < characters.length; at++) terms.push(characters[at - 1] + characters[at]);
}

/** Words that are not the whole run. A word of two characters of Han or Kana is a pair already. */
function addWords(run: string, characters: readonly string[], kind: CharacterKind, terms: string[]): void {
  segmenter ??= new Intl.Segmenter("en", { granularity: "word" });
  for (let at = 0; at < characters.length; at += PIECE) {
    const piece = characters.length <= PIECE ? run : characters.slice(at, at + PIECE).join("");
    for (const { segment } of segmenter.segment(piece)) {
      if (segment === run || (kind === HAN_KANA && !isWorthAdding(segment))) continue;
      terms.push(segment.length > MAX_RUN ? cut(segment) : segment);
    }
  }
}

function isWorthAdding(word: string): boolean {
  const length = Array.from(word).length;
  return length === 1 ? /\p{Script=Han}/u.test(word) : length > 2;
}

function cut(word: string): string {
  return word.slice(0, word.codePointAt(MAX_RUN - 1) === word.charCodeAt(MAX_RUN - 1) ? MAX_RUN : MAX_RUN - 1);
}
