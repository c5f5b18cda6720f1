/**
 * The English stemmer: inflected forms of a word become one stem, which need not be a word itself. It follows the
 * published description of the English (Porter2) algorithm, as revised for Snowball 3.1, step for step.
 * Guarantees: pure; what is not of the letters a to z, or is shorter than three of them, comes back unchanged; a stem
 * is never empty; the time is linear in the length of the word.
 */

/** Maps the forms of a word to one. Gets words in lower case with diacritics folded, and is never given numbers. */
export type Stemmer = (word: string) => string;

/** A word under way: its letters, with Y where y is a consonant, and where its two regions begin. */
interface Stem {
  word: string;
  readonly r1: number;
  readonly r2: number;
}

/** What stands for a suffix, longest suffixes looked for first. */
interface Suffixes {
  readonly longest: number;
  readonly shortest: number;
  readonly replacements: ReadonlyMap<string, string>;
}

const VOWELS = "aeiouy";
const DOUBLES = new Set(["bb", "dd", "ff", "gg", "mm", "nn", "pp", "rr", "tt"]);
const LI_ENDINGS = "cdeghkmnrt";

/** Words that would be conflated with others, and their stems. */
const SPECIAL = new Map([
  ["skis", "ski"],
  ["skies", "sky"],
  ["idly", "idl"],
  ["gently", "gentl"],
  ["ugly", "ugli"],
  ["early", "earli"],
  ["only", "onli"],
  ["singly", "singl"],
  ...["sky", "news", "howe", "atlas", "cosmos", "bias", "andes"].map((word): [string, string] => [word, word]),
]);

/** Beginnings after which the first region starts at once, so that less is taken off. */
const BEGINNINGS = /^(?:gener|commun|arsen|past|univers|later|emerg|organ|inter)/;

/** What before `ing` and before `eed` makes a word that is not an inflected form. */
const NOT_ING = new Set(["inn", "out", "cann", "herr", "earr", "even"]);
const NOT_EED = new Set(["succ", "proc", "exc"]);

const STEP_2 = suffixes({
  tional: "tion",
  enci: "ence",
  anci: "ance",
  abli: "able",
  entli: "ent",
  izer: "ize",
  ization: "ize",
  ational: "ate",
  ation: "ate",
  ator: "ate",
  alism: "al",
  aliti: "al",
  alli: "al",
  fulness: "ful",
  ousli: "ous",
  ousness: "ous",
  iveness: "ive",
  iviti: "ive",
  biliti: "ble",
  bli: "ble",
  ogist: "og",
  ogi: "og",
  fulli: "ful",
  lessli: "less",
  li: "",
});

const STEP_3 = suffixes({
  tional: "tion",
  ational: "ate",
  alize: "al",
  icate: "ic",
  iciti: "ic",
  ical: "ic",
  ful: "",
  ness: "",
  ative: "",
});

const STEP_4 = suffixes(
  Object.fromEntries(
    "al ance ence er ic able ible ant ement ment ent ism ate iti ous ive ize ion".split(" ").map((end) => [end, ""]),
  ),
);

/**
 * The stem of an English word in lower case.
 *
 * @example
 * ```ts
 * stemEnglish("migrations"); // "migrat", like "migrate", "migrated" and "migrating"
 * ```
 */
export function stemEnglish(word: string): string {
  if (word.length < 3 || !/^[a-z']+$/.test(word)) return word;
  const special = SPECIAL.get(word);
  if (special !== undefined) return special;
  const marked = markConsonants(word.startsWith("'") ? word.slice(1) : word);
  const r1 = BEGINNINGS.exec(marked)?.[0].length ?? regionAfter(marked, 0);
  const stem: Stem = { word: marked, r1, r2: regionAfter(marked, r1) };
  stem.word = stem.word.replace(/'s'$|'s$|'$/, "");
  plural(stem);
  pastAndParticiple(stem);
  finalY(stem);
  derived(stem);
  derivedAgain(stem);
  lastSuffix(stem);
  finalLetter(stem);
  const done = stem.word.toLowerCase();
  return done === "" ? word : done;
}

function suffixes(replacements: Record<string, string>): Suffixes {
  const lengths = Object.keys(replacements).map((suffix) => suffix.length);
  return {
    longest: Math.max(...lengths),
    shortest: Math.min(...lengths),
    replacements: new Map(Object.entries(replacements)),
  };
}

function longestOf(known: Suffixes, word: string): string | undefined {
  for (let length = Math.min(known.longest, word.length); length >= known.shortest; length--) {
    const end = word.slice(word.length - length);
    if (known.replacements.has(end)) return end;
  }
  return undefined;
}

function isVowel(letter: string | undefined): boolean {
  return letter !== undefined && VOWELS.includes(letter);
}

/** A y at the beginning or after a vowel is a consonant, written Y from here on. */
function markConsonants(word: string): string {
  if (!word.includes("y")) return word;
  let marked = "";
  for (const letter of word) {
    const consonant = letter === "y" && (marked === "" || isVowel(marked.at(-1)));
    marked += consonant ? "Y" : letter;
  }
  return marked;
}

/** The place after the first non-vowel that follows a vowel at or after `from`. */
function regionAfter(word: string, from: number): number {
  let at = from;
  while (at < word.length && !isVowel(word[at])) at++;
  while (at < word.length && isVowel(word[at])) at++;
  return Math.min(at + 1, word.length);
}

function endsInShortSyllable(word: string): boolean {
  const last = word.length - 1;
  if (word === "past") return true;
  if (last < 1 || isVowel(word[last]) || !isVowel(word[last - 1])) return false;
  return last === 1 || (!"wxY".includes(word[last]) && !isVowel(word[last - 2]));
}

/** Whether what begins `length` letters before the end is in the region that begins at `region`. */
function isWithin(word: string, length: number, region: number): boolean {
  return word.length - length >= region;
}

/** Step 1a. */
function plural(stem: Stem): void {
  const { word } = stem;
  if (word.endsWith("sses")) stem.word = word.slice(0, -2);
  else if (word.endsWith("ied") || word.endsWith("ies")) stem.word = word.slice(0, word.length > 4 ? -2 : -1);
  else if (word.endsWith("us") || word.endsWith("ss") || !word.endsWith("s")) return;
  else if (/[aeiouy]/.test(word.slice(0, -2))) stem.word = word.slice(0, -1);
}

/** Step 1b. */
function pastAndParticiple(stem: Stem): void {
  const { word } = stem;
  const end = /(?:eedly|ingly|edly|eed|ing|ed)$/.exec(word)?.[0];
  if (end === undefined) return;
  const before = word.slice(0, word.length - end.length);
  if (end.startsWith("eed")) {
    if (isWithin(word, end.length, stem.r1) && !NOT_EED.has(before)) stem.word = `${before}ee`;
    return;
  }
  if (end === "ing") {
    if (NOT_ING.has(before)) return;
    if (before.length === 2 && before[1] === "y" && !isVowel(before[0])) {
      stem.word = `${before[0]}ie`;
      return;
    }
  }
  if (/[aeiouy]/.test(before)) stem.word = mended(before, stem.r1);
}

/** What `ed` or `ing` was added to: a final e comes back, a doubled letter becomes one. */
function mended(word: string, r1: number): string {
  if (/(?:at|bl|iz)$/.test(word)) return `${word}e`;
  if (DOUBLES.has(word.slice(-2))) return /^[aeo]..$/.test(word) ? word : word.slice(0, -1);
  return endsInShortSyllable(word) && r1 >= word.length ? `${word}e` : word;
}

/** Step 1c. */
function finalY(stem: Stem): void {
  const { word } = stem;
  if (word.length > 2 && /[yY]$/.test(word) && !isVowel(word.at(-2))) stem.word = `${word.slice(0, -1)}i`;
}

/** Step 2. */
function derived(stem: Stem): void {
  const { word } = stem;
  const end = longestOf(STEP_2, word);
  if (end === undefined || !isWithin(word, end.length, stem.r1)) return;
  const before = word.slice(0, word.length - end.length);
  if (end === "ogi" && !before.endsWith("l")) return;
  if (end === "li" && !LI_ENDINGS.includes(before.at(-1) ?? " ")) return;
  stem.word = before + STEP_2.replacements.get(end);
}

/** Step 3. */
function derivedAgain(stem: Stem): void {
  const { word } = stem;
  const end = longestOf(STEP_3, word);
  if (end === undefined || !isWithin(word, end.length, end === "ative" ? stem.r2 : stem.r1)) return;
  stem.word = word.slice(0, word.length - end.length) + STEP_3.replacements.get(end);
}

/** Step 4. */
function lastSuffix(stem: Stem): void {
  const { word } = stem;
  const end = longestOf(STEP_4, word);
  if (end === undefined || !isWithin(word, end.length, stem.r2)) return;
  const before = word.slice(0, word.length - end.length);
  if (end !== "ion" || /[st]$/.test(before)) stem.word = before;
}

/** Step 5. */
function finalLetter(stem: Stem): void {
  const { word } = stem;
  const before = word.slice(0, -1);
  const inR2 = isWithin(word, 1, stem.r2);
  if (word.endsWith("e")) {
    if (inR2 || (isWithin(word, 1, stem.r1) && !endsInShortSyllable(before))) stem.word = before;
  } else if (word.endsWith("ll") && inR2) stem.word = before;
}
