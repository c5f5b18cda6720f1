/**
 * What objects were like that were read before: a tree of the names of their properties, in the order they were stored
 * in. Guarantees: bounded, whatever is read; only what it gives is faster, an object is the same without it.
 *
 * It saves two things. A name whose bytes are the expected ones is no new string, and a property is set at a place of
 * the program where only this property is set, after the same others: the engine below remembers one hidden class for
 * such a place, and does not search. (Code made for a shape at run time would do the same, but many hosts forbid that.)
 */

/** So many places of the program there are. Whoever comes first has them; all else is set at one place. */
const SITES = 128;

/** The longest name, in bytes: its length is in its first byte. */
const MAX_NAME_BYTES = 31;

/** So many different names may follow one name, or begin an object. */
const MAX_NEXT = 12;

let used = 0;

/** A name, after the names that lead to it. */
export class ShapeName {
  readonly text: string;
  readonly site: number;
  /** How many bytes of MessagePack it is, the byte before the text included. */
  readonly size: number;
  readonly #bytes: Uint8Array;
  /** Its first 12 bytes, and which of them there are. */
  readonly #word0: number;
  readonly #word1: number;
  readonly #word2: number;
  readonly #mask0: number;
  readonly #mask1: number;
  readonly #mask2: number;
  #first: ShapeName | undefined = undefined;
  #other: ShapeName | undefined = undefined;
  #room = MAX_NEXT;
  #awaited = "";

  constructor(bytes: Uint8Array, text: string, site: number) {
    this.text = text;
    this.site = site;
    this.size = bytes.length;
    this.#bytes = bytes;
    const padded = new Uint8Array(12);
    padded.set(bytes.subarray(0, 12));
    this.#word0 = wordAt(padded, 0);
    this.#word1 = wordAt(padded, 4);
    this.#word2 = wordAt(padded, 8);
    padded.fill(0xff, 0, bytes.length);
    this.#mask0 = wordAt(padded, 0);
    this.#mask1 = wordAt(padded, 4);
    this.#mask2 = wordAt(padded, 8);
  }

  /**
   * The name that is stored at `b[i]`, if it came after this one before. Where the stored value ends is not looked at:
   * the caller finds no value behind a name that goes past it.
   */
  find(b: Uint8Array, i: number): ShapeName | undefined {
    let name = this.#first;
    while (name !== undefined && !name.#isAt(b, i)) name = name.#other;
    return name;
  }

  #isAt(b: Uint8Array, i: number): boolean {
    const { size } = this;
    if (i + 12 > b.length) return isSame(this.#bytes, 0, b, i);
    if (((wordAt(b, i) ^ this.#word0) & this.#mask0) !== 0) return false;
    if (size <= 4) return true;
    if (((wordAt(b, i + 4) ^ this.#word1) & this.#mask1) !== 0) return false;
    if (size <= 8) return true;
    if (((wordAt(b, i + 8) ^ this.#word2) & this.#mask2) !== 0) return false;
    return size <= 12 || isSame(this.#bytes, 12, b, i);
  }

  /** Whether a name is the one that this was asked about before: two names may take turns in the reader's table. */
  isAwaited(name: string): boolean {
    if (this.#awaited === name) return true;
    this.#awaited = name;
    return false;
  }

  /** Remembers the name at `b[i..end)` after this one, while there is room. */
  learn(b: Uint8Array, i: number, end: number, text: string): ShapeName | undefined {
    if (this.#room === 0 || used >= SITES || !isOrdinary(b, i, end)) return undefined;
    // As the key of an object it becomes the one string that the engine compares by its address.
    const [name] = Object.keys({ [text]: 0 });
    const next = new ShapeName(new Uint8Array(b.subarray(i, end)), name, used++);
    this.#room--;
    next.#other = this.#first;
    this.#first = next;
    return next;
  }
}

/** Before the first name of an object. */
export const SHAPES = new ShapeName(new Uint8Array(0), "", SITES);

function wordAt(b: Uint8Array, i: number): number {
  return b[i] | (b[i + 1] << 8) | (b[i + 2] << 16) | (b[i + 3] << 24);
}

function isSame(name: Uint8Array, from: number, b: Uint8Array, i: number): boolean {
  for (let k = from; k < name.length; k++) if (name[k] !== b[i + k]) return false;
  return true;
}

/** An index is no part of a hidden class, and `__proto__` must not be set. */
function isOrdinary(b: Uint8Array, i: number, end: number): boolean {
  const length = end - i - 1;
  if (length < 1 || length > MAX_NAME_BYTES || b[i] !== 0xa0 + length) return false;
  const first = b[i + 1];
  return !(first >= 0x30 && first <= 0x39) && !(first === 0x5f && length > 1 && b[i + 2] === 0x5f);
}

/** Sets a property at the place that belongs to its name. */
export function setAt(site: number, o: Record<string, unknown>, n: string, v: unknown): void {
  // biome-ignore format: every case is a place of its own
  switch (site) {
    case 0: o[n] = v; return; case 1: o[n] = v; return; case 2: o[n] = v; return; case 3: o[n] = v; return;
    case 4: o[n] = v; return; case 5: o[n] = v; return; case 6: o[n] = v; return; case 7: o[n] = v; return;
    case 8: o[n] = v; return; case 9: o[n] = v; return; case 10: o[n] = v; return; case 11: o[n] = v; return;
    case 12: o[n] = v; return; case 13: o[n] = v; return; case 14: o[n] = v; return; case 15: o[n] = v; return;
    case 16: o[n] = v; return; case 17: o[n] = v; return; case 18: o[n] = v; return; case 19: o[n] = v; return;
    case 20: o[n] = v; return; case 21: o[n] = v; return; case 22: o[n] = v; return; case 23: o[n] = v; return;
    case 24: o[n] = v; return; case 25: o[n] = v; return; case 26: o[n] = v; return; case 27: o[n] = v; return;
    case 28: o[n] = v; return; case 29: o[n] = v; return; case 30: o[n] = v; return; case 31: o[n] = v; return;
    case 32: o[n] = v; return; case 33: o[n] = v; return; case 34: o[n] = v; return; case 35: o[n] = v; return;
    case 36: o[n] = v; return; case 37: o[n] = v; return; case 38: o[n] = v; return; case 39: o[n] = v; return;
    case 40: o[n] = v; return; case 41: o[n] = v; return; case 42: o[n] = v; return; case 43: o[n] = v; return;
    case 44: o[n] = v; return; case 45: o[n] = v; return; case 46: o[n] = v; return; case 47: o[n] = v; return;
    case 48: o[n] = v; return; case 49: o[n] = v; return; case 50: o[n] = v; return; case 51: o[n] = v; return;
    case 52: o[n] = v; return; case 53: o[n] = v; return; case 54: o[n] = v; return; case 55: o[n] = v; return;
    case 56: o[n] = v; return; case 57: o[n] = v; return; case 58: o[n] = v; return; case 59: o[n] = v; return;
    case 60: o[n] = v; return; case 61: o[n] = v; return; case 62: o[n] = v; return; case 63: o[n] = v; return;
    case 64: o[n] = v; return; case 65: o[n] = v; return; case 66: o[n] = v; return; case 67: o[n] = v; return;
    case 68: o[n] = v; return; case 69: o[n] = v; return; case 70: o[n] = v; return; case 71: o[n] = v; return;
    case 72: o[n] = v; return; case 73: o[n] = v; return; case 74: o[n] = v; return; case 75: o[n] = v; return;
    case 76: o[n] = v; return; case 77: o[n] = v; return; case 78: o[n] = v; return; case 79: o[n] = v; return;
    case 80: o[n] = v; return; case 81: o[n] = v; return; case 82: o[n] = v; return; case 83: o[n] = v; return;
    case 84: o[n] = v; return; case 85: o[n] = v; return; case 86: o[n] = v; return; case 87: o[n] = v; return;
    case 88: o[n] = v; return; case 89: o[n] = v; return; case 90: o[n] = v; return; case 91: o[n] = v; return;
    case 92: o[n] = v; return; case 93: o[n] = v; return; case 94: o[n] = v; return; case 95: o[n] = v; return;
    case 96: o[n] = v; return; case 97: o[n] = v; return; case 98: o[n] = v; return; case 99: o[n] = v; return;
    case 100: o[n] = v; return; case 101: o[n] = v; return; case 102: o[n] = v; return; case 103: o[n] = v; return;
    case 104: o[n] = v; return; case 105: o[n] = v; return; case 106: o[n] = v; return; case 107: o[n] = v; return;
    case 108: o[n] = v; return; case 109: o[n] = v; return; case 110: o[n] = v; return; case 111: o[n] = v; return;
    case 112: o[n] = v; return; case 113: o[n] = v; return; case 114: o[n] = v; return; case 115: o[n] = v; return;
    case 116: o[n] = v; return; case 117: o[n] = v; return; case 118: o[n] = v; return; case 119: o[n] = v; return;
    case 120: o[n] = v; return; case 121: o[n] = v; return; case 122: o[n] = v; return; case 123: o[n] = v; return;
    case 124: o[n] = v; return; case 125: o[n] = v; return; case 126: o[n] = v; return; case 127: o[n] = v; return;
    default: o[n] = v;
  }
}
