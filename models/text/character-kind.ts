/**
 * What a character is to the analyzer. Guarantees: every UTF-16 unit and every code point has exactly one kind; a lone
 * surrogate is a separator; the kind of a unit of the basic plane is computed once.
 */

/** Ends a word and is in none. */
export const SEPARATOR = 1;
/** A letter that is not upper case; scripts without case have only these. */
export const LOWER = 2;
export const UPPER = 3;
export const DIGIT = 4;
/** A combining mark: belongs to the letter before it. */
export const MARK = 5;
/** Joins the words on both sides of it to a compound: `- _ . @ '`. */
export const CONNECTOR = 6;
/** Hangul: words with spaces between them, but with particles attached. */
export const HANGUL = 7;
/** Han, Hiragana, Katakana and Bopomofo: no spaces, and nearly every character means something. */
export const HAN_KANA = 8;
/** Thai, Lao, Khmer and Myanmar: no spaces, words of several characters. */
export const UNSPACED = 9;

export type CharacterKind = number;

const kinds = new Uint8Array(0x10000);
for (let code = 0; code < 0x80; code++) kinds[code] = kindOfCharacter(String.fromCharCode(code));

/** The kind of the code point that begins at `at`. A pair of surrogates is one code point; a lone one separates. */
export function kindAt(text: string, at: number): CharacterKind {
  const unit = text.charCodeAt(at);
  const kind = kinds[unit];
  if (kind !== 0) return kind;
  if (unit >= 0xd800 && unit <= 0xdfff) return kindOfCharacter(String.fromCodePoint(text.codePointAt(at) ?? unit));
  kinds[unit] = kindOfCharacter(String.fromCharCode(unit));
  return kinds[unit];
}

/** How many units the code point that begins at `at` takes: two for a pair of surrogates. */
export function unitsAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit <= 0xdbff && (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
}

/** Whether a word may begin with it and a connector may be followed by it. */
export function isWordKind(kind: CharacterKind): boolean {
  return kind === LOWER || kind === UPPER || kind === DIGIT;
}

function kindOfCharacter(character: string): CharacterKind {
  if ("-_.@'".includes(character)) return CONNECTOR;
  if (/[\p{L}\p{N}\p{M}]/u.test(character)) {
    if (/[\p{scx=Thai}\p{scx=Laoo}\p{scx=Khmr}\p{scx=Mymr}]/u.test(character)) return UNSPACED;
    if (/\p{M}/u.test(character)) return MARK;
    if (/[\p{scx=Hani}\p{scx=Hira}\p{scx=Kana}\p{scx=Bopo}]/u.test(character)) return HAN_KANA;
    if (/\p{Script=Hangul}/u.test(character)) return HANGUL;
    if (/\p{N}/u.test(character)) return DIGIT;
    return /\p{Lu}/u.test(character) ? UPPER : LOWER;
  }
  return SEPARATOR;
}
