/**
 * JSON text as values. Guarantees: an integer is exact, as a bigint where a number would change it; all else that is
 * read is what `JSON.parse` makes of it, own properties called `__proto__` included. What is no JSON, is nested too
 * deeply, or holds a number that would become Infinity is an error that says where. Time and memory are linear, and
 * text that is nested too deeply is refused at the first level too many.
 *
 * Text is looked through once, for its depth and for numbers that `JSON.parse` would change. Without them
 * `JSON.parse` reads it; only with them, or where it finds an error, this file does.
 */
import { LlmdbError } from "../../pager/error.js";

/** How deep arrays and objects may be nested, unless the caller says otherwise. */
export const DEFAULT_JSON_DEPTH = 100;
/** An integer with more digits is refused: reading it takes more than linear time. */
export const MAX_INTEGER_DIGITS = 10_000;

/** Every integer of fewer digits is exact as a number. */
const UNSAFE_DIGITS = 16;
/** With fewer digits in its exponent, and in front of its point, a number is finite. */
const FAR_EXPONENT_DIGITS = 3;
/** The end of a longer string is found faster by `indexOf`. */
const NEAR = 32;

const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const LOWER_E = 0x65;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;

/** How an assignment would make a property. One to `__proto__` would change the prototype. */
const ORDINARY = { writable: true, enumerable: true, configurable: true };

const WORDS: ReadonlyMap<number, readonly [string, unknown]> = new Map<number, readonly [string, unknown]>([
  ["true".charCodeAt(0), ["true", true]],
  ["false".charCodeAt(0), ["false", false]],
  ["null".charCodeAt(0), ["null", null]],
]);

/**
 * Reads one JSON text.
 *
 * @param maxDepth how many arrays and objects may be nested: `[[1]]` has a depth of 2
 * @returns null, booleans, numbers, bigints, strings, arrays and plain objects; an integer is a bigint where it lies
 * beyond plus or minus 2^53 - 1, and a number everywhere else
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` with the `offset` in its details
 * @example readJson('{"id":1497549923779084388,"n":5e3}') // { id: 1497549923779084388n, n: 5000 }
 */
export function readJson(text: string, maxDepth = DEFAULT_JSON_DEPTH): unknown {
  if (!isExactForNative(text, maxDepth)) return new ExactReader(text, maxDepth).read();
  try {
    return JSON.parse(text);
  } catch {
    // It says what is wrong in words of its own, and where.
    return new ExactReader(text, maxDepth).read();
  }
}

/**
 * Whether `JSON.parse` changes no number of the text, as far as a quick look can tell.
 *
 * @throws LlmdbError `LLMDB_INVALID_ARGUMENT` for text that is nested deeper than `maxDepth`
 */
function isExactForNative(text: string, maxDepth: number): boolean {
  const length = text.length;
  let isExact = true;
  let depth = 0;
  let i = 0;
  while (i < length) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      i = stringEnd(text, i + 1);
    } else if (code >= DIGIT_0 && code <= DIGIT_9) {
      let end = digitsEnd(text, i + 1);
      if (end - i >= UNSAFE_DIGITS) isExact = false;
      if (text.charCodeAt(end) === POINT) end = digitsEnd(text, end + 1);
      if ((text.charCodeAt(end) | 0x20) === LOWER_E) {
        const sign = text.charCodeAt(end + 1);
        const exponent = sign === PLUS || sign === MINUS ? end + 2 : end + 1;
        end = digitsEnd(text, exponent);
        if (end - exponent >= FAR_EXPONENT_DIGITS) isExact = false;
      }
      i = end;
    } else {
      if (code === OPENING_BRACE || code === OPENING_BRACKET) {
        if (++depth > maxDepth) throw tooDeep(text, i, maxDepth);
      } else if (code === CLOSING_BRACE || code === CLOSING_BRACKET) {
        depth--;
      }
      i++;
    }
  }
  return isExact;
}

/** The place after the quote that ends a string, or the end of the text. */
function stringEnd(text: string, start: number): number {
  const length = text.length;
  const near = Math.min(length, start + NEAR);
  for (let i = start; i < near; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i + 1;
    if (code === BACKSLASH) i++;
  }
  for (let i = text.indexOf('"', start); i >= 0; i = text.indexOf('"', i + 1)) {
    if (!isEscaped(text, i)) return i + 1;
  }
  return length;
}

/** Whether an odd number of backslashes is before a character of a string. */
function isEscaped(text: string, at: number): boolean {
  let i = at - 1;
  while (text.charCodeAt(i) === BACKSLASH) i--;
  return (at - i) % 2 === 0;
}

/** Whether what is between quotes is the string itself. Where the last quote is missing, it is not. */
function isPlain(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code < SPACE || code === BACKSLASH) return false;
  }
  return text.charCodeAt(end) === QUOTE && end >= start;
}

function digitsEnd(text: string, start: number): number {
  let i = start;
  for (let code = text.charCodeAt(i); code >= DIGIT_0 && code <= DIGIT_9; code = text.charCodeAt(i)) i++;
  return i;
}

/** Reads a text by the grammar of RFC 8259. Its recursion is bounded by the depth. */
class ExactReader {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  read(): unknown {
    const value = this.#value(0);
    if (this.#next() >= 0) throw this.#unexpected("the end");
    return value;
  }

  #value(depth: number): unknown {
    const code = this.#next();
    if (code === QUOTE) return this.#string();
    if (code === OPENING_BRACE) return this.#object(depth + 1);
    if (code === OPENING_BRACKET) return this.#array(depth + 1);
    const word = WORDS.get(code);
    if (word === undefined) {
      if (code === MINUS || (code >= DIGIT_0 && code <= DIGIT_9)) return this.#number();
      throw this.#unexpected("a value");
    }
    const [name, value] = word;
    if (!this.#text.startsWith(name, this.#at)) throw this.#unexpected("a value");
    this.#at += name.length;
    return value;
  }

  #object(depth: number): object {
    this.#enter(depth);
    const object: Record<string, unknown> = {};
    if (!this.#skips(CLOSING_BRACE)) {
      do {
        if (this.#next() !== QUOTE) throw this.#unexpected("a property in double quotes");
        const name = this.#string();
        if (!this.#skips(COLON)) throw this.#unexpected('":"');
        const value = this.#value(depth);
        if (name === "__proto__") Object.defineProperty(object, name, { value, ...ORDINARY });
        else object[name] = value;
      } while (this.#skips(COMMA));
      if (!this.#skips(CLOSING_BRACE)) throw this.#unexpected('"," or "}"');
    }
    return object;
  }

  #array(depth: number): unknown[] {
    this.#enter(depth);
    const elements: unknown[] = [];
    if (this.#skips(CLOSING_BRACKET)) return elements;
    do elements.push(this.#value(depth));
    while (this.#skips(COMMA));
    if (!this.#skips(CLOSING_BRACKET)) throw this.#unexpected('"," or "]"');
    return elements;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw tooDeep(this.#text, this.#at, this.#maxDepth);
    this.#at++;
  }

  #string(): string {
    const start = this.#at;
    const end = stringEnd(this.#text, start + 1);
    if (isPlain(this.#text, start + 1, end - 1)) {
      this.#at = end;
      return this.#text.slice(start + 1, end - 1);
    }
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, end));
      this.#at = end;
      if (typeof value === "string") return value;
    } catch {
      // A string without its end, a control character in it, or an escape that there is not.
    }
    throw invalid(this.#text, start, "a string that JSON does not allow: see its escapes, control characters and end");
  }

  #number(): number | bigint {
    const text = this.#text;
    const start = this.#at;
    const first = text.charCodeAt(start) === MINUS ? start + 1 : start;
    this.#at = first;
    this.#digits(text.charCodeAt(first) === DIGIT_0 ? first + 1 : Number.POSITIVE_INFINITY);
    const whole = this.#at;
    if (text.charCodeAt(this.#at) === POINT) {
      this.#at++;
      this.#digits();
    }
    if ((text.charCodeAt(this.#at) | 0x20) === LOWER_E) {
      const sign = text.charCodeAt(this.#at + 1);
      this.#at += sign === PLUS || sign === MINUS ? 2 : 1;
      this.#digits();
    }
    const literal = text.slice(start, this.#at);
    const number = Number(literal);
    if (this.#at === whole && !Number.isSafeInteger(number)) {
      if (whole - first <= MAX_INTEGER_DIGITS) return BigInt(literal);
      const what = `an integer of ${whole - first} digits, where ${MAX_INTEGER_DIGITS} are the most`;
      throw invalid(text, start, `${what}; give it as text`);
    }
    if (Number.isFinite(number)) return number;
    throw invalid(text, start, 'a number beyond the range of numbers (1.8e308); write {"$number":"Infinity"}');
  }

  /** Passes one digit or more, at most up to `most`. */
  #digits(most = Number.POSITIVE_INFINITY): void {
    const end = Math.min(digitsEnd(this.#text, this.#at), most);
    if (end === this.#at) throw this.#unexpected("a digit");
    this.#at = end;
  }

  /** Whether a character comes next; then it is passed. */
  #skips(code: number): boolean {
    if (this.#next() !== code) return false;
    this.#at++;
    return true;
  }

  /** What comes after white space; -1 at the end. */
  #next(): number {
    for (; this.#at < this.#text.length; this.#at++) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== LINE_FEED && code !== CARRIAGE_RETURN && code !== TAB) return code;
    }
    return -1;
  }

  #unexpected(wanted: string): LlmdbError {
    const code = this.#text.codePointAt(this.#at);
    const found = code === undefined ? "the text ends" : `there is ${characterName(code)}`;
    return invalid(this.#text, this.#at, `not JSON: ${found} where ${wanted} should be`);
  }
}

/** A character as an error can show it: what is not plain ASCII by its number. */
function characterName(code: number): string {
  if (code > SPACE && code < 0x7f) return code === QUOTE ? "a double quote" : `"${String.fromCodePoint(code)}"`;
  return `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}

function tooDeep(text: string, offset: number, maxDepth: number): LlmdbError {
  return invalid(
    text,
    offset,
    `nested too deeply: ${maxDepth} arrays and objects in each other are the most; give its parts one by one`,
  );
}

function invalid(text: string, offset: number, what: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", `${what} (${placeOf(text, offset)})`, { offset });
}

/** A place as people count: from 1, and by lines where there are several. */
function placeOf(text: string, offset: number): string {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  if (offset === 0 || lineStart === 0) return `at character ${offset + 1}`;
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < lineStart; at = text.indexOf("\n", at + 1)) line++;
  return `in line ${line} at character ${offset - lineStart + 1}`;
}
