/**
 * Tokens of more than one part: `user_id`, `Node.js`, `v16.20.2`, `getUserId`, `anna@example.com`, `don't`. They are
 * found as a whole and by their parts. Guarantees: linear time; the same terms for `user_id`, `user-id` and `userId`.
 *
 * - The whole is one term without the signs that join it: `nodejs`, `userid`. An address with `@` keeps its signs.
 * - Parts that begin with digits keep theirs, and lose a `v`: `16.20.2`, `2024-04-30`; also inside a longer token.
 * - Every part is a term: `node`, `js`. A single letter is not.
 * - A part is cut where its case changes, `get`, `user`, `id`, and where its only digits begin or end: `utf`, `8`.
 * - What follows an apostrophe goes with it where it is an ending of English: `user's` is `user`, `don't` is `dont`.
 */
import { MAX_TERM, type Words } from "./words.js";

const ENDINGS = new Set(["s", "d", "m", "ll", "re", "ve"]);
const HUMPS = /(?<=\p{Ll})(?=\p{Lu})|(?<=\p{Lu})(?=\p{Lu}\p{Ll}{2})/u;
const LETTERS_AND_DIGITS = /^(?:(\p{L}+)(\p{Nd}+)|(\p{Nd}+)(\p{L}+))$/u;

/** A token, cut at its connectors: `joints[i]` stands between `parts[i]` and `parts[i + 1]`. */
interface Compound {
  readonly parts: string[];
  readonly joints: string[];
}

/** Adds the terms of a token that is not simply one word. */
export function addCompoundTerms(token: string, words: Words, terms: string[]): void {
  const compound = withoutEnding(cutAtConnectors(token));
  if (compound.parts.length === 1) {
    addPart(compound.parts[0], words, terms);
    return;
  }
  if (isNegation(compound)) {
    words.add(compound.parts.join(""), terms);
    return;
  }
  addWhole(compound, words, terms);
  for (const part of compound.parts) if (isWorthAdding(part)) addPart(part, words, terms);
}

function cutAtConnectors(token: string): Compound {
  const parts: string[] = [];
  const joints: string[] = [];
  token.split(/([-_.@'])/).forEach((piece, index) => {
    if (index % 2 === 0) parts.push(piece);
    else joints.push(piece);
  });
  return { parts, joints };
}

function withoutEnding({ parts, joints }: Compound): Compound {
  const last = parts.length - 1;
  if (joints.at(-1) !== "'" || !ENDINGS.has(parts[last].toLowerCase())) return { parts, joints };
  return { parts: parts.slice(0, last), joints: joints.slice(0, -1) };
}

function isNegation({ parts, joints }: Compound): boolean {
  return parts.length === 2 && joints[0] === "'" && parts[1].toLowerCase() === "t";
}

function addWhole({ parts, joints }: Compound, words: Words, terms: string[]): void {
  const runs = numericRuns({ parts, joints });
  const units = parts.reduce((sum, part) => sum + part.length + 1, -1);
  const isNumeric = runs.length === 1 && runs[0].parts === parts.length;
  if (units <= MAX_TERM && !isNumeric) {
    if (joints.includes("@")) words.addExact(parts.map((part, at) => part + (joints[at] ?? "")).join(""), terms);
    else words.add(parts.join(""), terms);
  }
  for (const { text } of runs) words.addExact(text, terms);
}

/** Versions, dates, numbers: the longest rows of parts that begin with a digit, as they are written. */
function numericRuns({ parts, joints }: Compound): { text: string; parts: number }[] {
  const runs: { text: string; parts: number }[] = [];
  let from = 0;
  for (let at = 1; at <= parts.length; at++) {
    if (at < parts.length && /^\p{Nd}/u.test(parts[at]) && "-_.".includes(joints[at - 1])) continue;
    const first = parts[from].replace(/^v(?=\p{Nd})/iu, "");
    if (at - from > 1 && /^\p{Nd}/u.test(first)) runs.push(numericRun(first, parts, joints, from, at));
    else if (at - from > 2) runs.push(numericRun(parts[from + 1], parts, joints, from + 1, at));
    from = at;
  }
  return runs;
}

function numericRun(
  first: string,
  parts: readonly string[],
  joints: readonly string[],
  from: number,
  to: number,
): { text: string; parts: number } {
  let text = first;
  for (let at = from + 1; at < to && text.length <= MAX_TERM; at++) text += joints[at - 1] + parts[at];
  return { text, parts: to - from };
}

/** A part alone is too common to find anything by when it is one letter. */
function isWorthAdding(part: string): boolean {
  return part.length > 1 || /\p{Nd}/u.test(part);
}

function addPart(part: string, words: Words, terms: string[]): void {
  words.add(part, terms);
  if (part.length > MAX_TERM) return;
  const humps = part.split(HUMPS);
  // Random letters change their case all the time: no words are to be found in them.
  if (humps.length === 1 || humps.length * 2 > part.length) {
    addLettersAndDigits(part, words, terms);
    return;
  }
  for (const hump of humps) {
    if (!isWorthAdding(hump)) continue;
    words.add(hump, terms);
    addLettersAndDigits(hump, words, terms);
  }
}

function addLettersAndDigits(part: string, words: Words, terms: string[]): void {
  const match = LETTERS_AND_DIGITS.exec(part);
  if (match === null) return;
  for (const piece of match.slice(1)) {
    if (piece !== undefined && isWorthAdding(piece)) words.add(piece, terms);
  }
}
