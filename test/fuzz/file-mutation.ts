/**
 * Changes of a data file, mostly such that much of it stays readable: numbers for others, values of one key for those
 * of another, pieces of records cut off or doubled. Guarantees: the same random numbers make the same mutant; its
 * checksums are right.
 */
import { Random } from "../harness/random.js";
import { type Place, type PlaceKind, RepairedFile } from "./repaired-file.js";

/** How often each kind of place is changed. Values of the internal maps are where most code looks. */
const WEIGHTS: readonly [PlaceKind, number][] = [
  ["value", 50],
  ["extent", 6],
  ["descriptor", 6],
  ["pointer", 10],
  ["slot", 8],
  ["length", 6],
  ["key", 6],
  ["header", 5],
  ["meta", 3],
];
/** First bytes of MessagePack that claim something, and the ends of the ranges of numbers. */
const TELLING = [
  0, 1, 2, 0x7f, 0x80, 0x81, 0x8f, 0x90, 0x91, 0x9f, 0xa0, 0xa1, 0xbf, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc6, 0xc7, 0xc8,
  0xc9, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd6, 0xd9, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xff,
];

/** The places of a file that mutants are made of, by kind and map. */
export class MutableFile {
  readonly #original: Uint8Array;
  readonly #byKind = new Map<PlaceKind, Place[][]>();

  constructor(original: Uint8Array) {
    this.#original = original;
    const byMap = new Map<string, Place[]>();
    for (const place of new RepairedFile(original).places()) {
      const key = `${place.kind} ${place.map}`;
      const places = byMap.get(key) ?? [];
      if (places.length === 0) this.#byKind.set(place.kind, [...(this.#byKind.get(place.kind) ?? []), places]);
      byMap.set(key, places);
      places.push(place);
    }
  }

  /** How many maps have values in leaves. */
  get maps(): number {
    return this.#byKind.get("value")?.length ?? 0;
  }

  /** The mutant with this number. */
  mutant(seed: number, number: number): Uint8Array {
    const random = new Random(Math.imul(seed, 0x9e3779b1) ^ number);
    const file = new RepairedFile(this.#original);
    for (let changes = 1 + random.below(4); changes > 0; changes--) this.#change(file.bytes, random);
    return file.repair();
  }

  #change(bytes: Buffer, random: Random): void {
    const place = this.#place(random);
    const target = bytes.subarray(place.at, place.at + place.bytes);
    const at = random.below(target.length);
    switch (random.below(8)) {
      case 0:
      case 1:
        target[at] = random.pick(TELLING);
        break;
      case 2:
        target[at] ^= 1 << random.below(8);
        break;
      case 3:
        overwriteNumber(target, random);
        break;
      case 4:
        random.fill(target.subarray(at, at + 1 + random.below(12)));
        break;
      case 5:
        copyFrom(bytes, target, this.#place(random, place.kind));
        break;
      case 6:
        target.copyWithin(at, at + 1 + random.below(6));
        break;
      default:
        target.fill(random.pick([0, 0xff]), at);
    }
  }

  #place(random: Random, kind: PlaceKind = drawKind(random)): Place {
    const groups = this.#byKind.get(kind) ?? [];
    if (groups.length === 0) return this.#place(random);
    return random.pick(random.pick(groups));
  }
}

function drawKind(random: Random): PlaceKind {
  let choice = random.below(100);
  for (const [kind, weight] of WEIGHTS) {
    if (choice < weight) return kind;
    choice -= weight;
  }
  return "value";
}

/** An integer of two or four bytes for another one near an edge. */
function overwriteNumber(target: Buffer, random: Random): void {
  const size = Math.min(target.length, random.pick([1, 2, 4]));
  const at = random.below(target.length - size + 1);
  const most = 2 ** (8 * size) - 1;
  const value = random.pick([
    0,
    1,
    most,
    most - 1,
    2 ** (8 * size - 1),
    random.below(most),
    target.readUIntLE(at, size) + 1,
  ]);
  target.writeUIntLE(Math.min(most, value), at, size);
}

/** What another place of the same kind holds, as far as there is room. */
function copyFrom(bytes: Buffer, target: Buffer, other: Place): void {
  bytes.copy(target, 0, other.at, other.at + Math.min(other.bytes, target.length));
}
