/**
 * Spellings that are to be found by each other become the same. Guarantees: ASCII text is returned as it is; case is
 * kept in texts and gone in words; the time is linear, however many marks follow each other.
 */

/** Letters that are no base letter with a mark, and what they are written as where they are missing. */
const LETTERS = new Map(
  Object.entries({
    ß: "ss",
    æ: "ae",
    œ: "oe",
    ø: "o",
    đ: "d",
    ð: "d",
    þ: "th",
    ł: "l",
    ħ: "h",
    ı: "i",
    ς: "σ",
    ё: "е",
  }),
);

/** More marks than any language puts on one letter. Sorting a long row of them would take quadratic time. */
const TOO_MANY_MARKS = /(\p{M}{12})\p{M}+/gu;
/** Soft hyphens, joiners, variation selectors: in the middle of words, and not seen. A zero-width space is a space. */
const UNSEEN = /(?!\u200b)\p{Default_Ignorable_Code_Point}/gu;
/** Marks that a reader leaves out when typing. In other scripts they make another letter, or are vowels. */
const FOLDED_MARKS = /([\p{Script=Latin}\p{Script=Greek}\p{Script=Hebrew}])\p{Mn}+|[\u064b-\u0652]/gu;

/** Whether a text has a character outside ASCII. */
function isBeyondAscii(text: string): boolean {
  return /[\u0080-\uffff]/.test(text);
}

/** A text with one spelling for what looks the same: compatibility forms, typographic signs, diacritics. */
export function foldText(text: string): string {
  if (!isBeyondAscii(text)) return text;
  return text
    .replace(UNSEEN, "")
    .replace(TOO_MANY_MARKS, "$1")
    .normalize("NFKD")
    .replace(FOLDED_MARKS, "$1")
    .normalize("NFC")
    .replace(/[\u2010\u2019\u02bc]/g, (sign) => (sign === "\u2010" ? "-" : "'"))
    .replace(/\u0e4d\u0e32/g, "\u0e33") // am of Thai and Lao, which the dictionaries of words have as one
    .replace(/\u0ecd\u0eb2/g, "\u0eb3");
}

/** A word of a folded text in lower case, with the letters that have no marks to lose spelled out. */
export function foldWord(word: string): string {
  const lower = word.toLowerCase();
  if (!isBeyondAscii(lower)) return lower;
  return lower.replace(/[ßæœøđðþłħıςё]/g, (letter) => LETTERS.get(letter) ?? letter);
}
