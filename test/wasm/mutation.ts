/**
 * Changes of modules, mostly such that much of them stays valid: operations for others of the same kind, numbers for
 * others of the same length, pieces of code from elsewhere with the lengths around them put right, sections moved.
 *
 * Guarantees: the same random numbers make the same mutant.
 */
import type { Random } from "../harness/random.js";
import { joined, leb, moduleOf } from "./binary.js";
import { sectionsOf } from "./suite/outline.js";

interface Part {
  readonly id: number;
  content: Uint8Array;
}

const codeSection = 10;
const interesting = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x1a, 0x1b, 0x20];
const edges = [0, 1, 0x3f, 0x40, 0x7f, 0x80, 0xff, 0x41, 0xfc, 0xfd, 0xfe, 0x70, 0x6f, 0x7b];

/** Ranges of operations that take and leave the same types. */
const kin = [
  [0x28, 0x28],
  [0x2c, 0x2f],
  [0x46, 0x4f],
  [0x51, 0x5a],
  [0x5b, 0x60],
  [0x61, 0x66],
  [0x67, 0x69],
  [0x6a, 0x78],
  [0x79, 0x7b],
  [0x7c, 0x8a],
  [0x8b, 0x91],
  [0x92, 0x98],
  [0x99, 0x9f],
  [0xa0, 0xa6],
  [0x20, 0x22],
  [0x02, 0x04],
  [0x0c, 0x0d],
];

/** A mutant of one of the modules. */
export function mutate(modules: readonly Uint8Array[], random: Random): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array = random.pick(modules);
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    bytes = random.chance(0.05) ? mutateBytes(bytes, random) : mutateParts(bytes, modules, random);
  }
  return new Uint8Array(bytes);
}

/** Anywhere, with no regard for what is there. */
function mutateBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1);
  const count = random.below(8);
  switch (random.below(4)) {
    case 0:
      return flip(bytes, random);
    case 1:
      return bytes.slice(0, at);
    case 2:
      return splice(bytes, at, count, new Uint8Array(0));
    default:
      return splice(bytes, at, 0, random.fill(new Uint8Array(count)));
  }
}

function mutateParts(bytes: Uint8Array, modules: readonly Uint8Array[], random: Random): Uint8Array {
  const parts = partsOf(bytes);
  if (parts.length === 0) return mutateBytes(bytes, random);
  const code = parts.find(({ id }) => id === codeSection);
  if (code !== undefined && random.chance(0.85)) code.content = mutateCode(code.content, modules, random);
  else if (random.chance(0.7)) {
    const part = random.pick(parts);
    part.content = mutateContent(part.content, random);
  } else shuffle(parts, modules, random);
  return join(parts);
}

function shuffle(parts: Part[], modules: readonly Uint8Array[], random: Random): void {
  const at = random.below(parts.length);
  const [part] = parts.splice(at, 1);
  const choice = random.below(4);
  if (choice === 0) parts.splice(random.below(parts.length + 1), 0, part);
  else if (choice === 1) parts.splice(at, 0, part, part);
  else if (choice === 2) parts.splice(at, 0, random.pick([part, ...partsOf(random.pick(modules))]));
}

function mutateContent(content: Uint8Array, random: Random): Uint8Array {
  if (content.length === 0) return content;
  const at = random.below(content.length);
  switch (random.below(5)) {
    case 0:
      return flip(content, random);
    case 1:
      return splice(content, at, 1, new Uint8Array([random.pick(edges)]));
    case 2:
      return splice(content, at, 1, longer(content[at], random));
    case 3:
      return splice(content, at, 1 + random.below(3), new Uint8Array(0));
    default:
      return splice(content, at, 0, content.slice(at, at + 1 + random.below(6)));
  }
}

/** One body, its length and that of the section put right. */
function mutateCode(content: Uint8Array, modules: readonly Uint8Array[], random: Random): Uint8Array {
  const bodies = bodiesOf(content);
  if (bodies === undefined || bodies.length === 0) return mutateContent(content, random);
  const at = random.below(bodies.length);
  bodies[at] = mutateBody(bodies[at], modules, random);
  return joined([
    new Uint8Array(leb(bodies.length)),
    ...bodies.flatMap((body) => [Uint8Array.from(leb(body.length)), body]),
  ]);
}

function mutateBody(body: Uint8Array, modules: readonly Uint8Array[], random: Random): Uint8Array {
  const at = random.below(body.length + 1);
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
    case 6:
    case 7:
    case 8:
      return swap(body, at, random);
    case 3:
      return splice(body, at, 1, new Uint8Array([random.pick(interesting)]));
    case 4: {
      const other = random.pick(modules);
      const from = random.below(other.length);
      return splice(body, at, random.below(4), other.slice(from, from + random.below(24)));
    }
    case 5: {
      const balanced = [
        [0x01],
        [0x41, 0x07, 0x1a],
        [0x02, 0x40, 0x0b],
        [0x03, 0x40, 0x0b],
        [0x00],
        [0x0f],
        [0x41, 0, 0x0d, 0],
      ];
      return splice(body, at, 0, new Uint8Array(random.pick(balanced)));
    }
    default:
      return mutateContent(body, random);
  }
}

/** The next operation with kin, from here on, becomes one of them; an operand of one byte becomes another. */
function swap(body: Uint8Array, from: number, random: Random): Uint8Array {
  const changed = body.slice();
  for (let at = from; at < changed.length; at++) {
    const range = kin.find(([low, high]) => changed[at] >= low && changed[at] <= high);
    if (range !== undefined) {
      changed[at] = range[0] + random.below(range[1] - range[0] + 1);
      return changed;
    }
    if (changed[at] < 0x20 && random.chance(0.3)) {
      changed[at] = random.below(8);
      return changed;
    }
  }
  return changed;
}

function flip(bytes: Uint8Array, random: Random): Uint8Array {
  const changed = bytes.slice();
  if (changed.length > 0) changed[random.below(changed.length)] ^= 1 << random.below(8);
  return changed;
}

/** The same number in more bytes, or one that is larger. */
function longer(byte: number, random: Random): Uint8Array {
  const more = [
    [byte | 0x80, 0],
    [byte | 0x80, 0x80, 0x80, 0x80, 0],
    [0xff, 0xff, 0xff, 0xff, 0x0f],
    [0xff, 0xff, 3],
  ];
  return new Uint8Array(random.pick(more));
}

/** None where the lengths of the sections are broken. */
function partsOf(bytes: Uint8Array): Part[] {
  try {
    const sections = sectionsOf(bytes);
    if (sections.some(({ end }) => end > bytes.length)) return [];
    return sections.map(({ id, start, end }) => ({ id, content: bytes.slice(start, end) }));
  } catch (error) {
    if (error instanceof RangeError) return [];
    throw error;
  }
}

function join(parts: readonly Part[]): Uint8Array {
  return moduleOf(...parts.map(({ id, content }) => joined([[id], leb(content.length), content])));
}

function bodiesOf(content: Uint8Array): Uint8Array[] | undefined {
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; at < content.length; shift += 7) {
      const byte = content[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  const bodies: Uint8Array[] = [];
  for (let count = number(); count > 0; count--) {
    const size = number();
    if (!(at + size <= content.length)) return undefined;
    bodies.push(content.slice(at, at + size));
    at += size;
  }
  return at === content.length ? bodies : undefined;
}

function splice(bytes: Uint8Array, at: number, remove: number, insert: Uint8Array): Uint8Array {
  return joined([bytes.slice(0, at), insert, bytes.slice(at + remove)]);
}
