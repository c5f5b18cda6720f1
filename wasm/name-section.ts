/**
 * The names that a module gives its functions, in its section of names. Guarantees: that section is for people and may
 * hold anything: what cannot be read is left out, and nothing depends on it.
 */
import { ByteReader } from "./byte-reader.js";
import type { Stretch } from "./module-reader.js";

const FUNCTION_NAMES = 1;

/** @param most names that are read */
export function readFunctionNames(bytes: Uint8Array, section: Stretch, most: number): Map<number, string> {
  const names = new Map<number, string>();
  const reader = new ByteReader(bytes, section.start, section.end);
  let read = 0;
  try {
    reader.name();
    while (!reader.isAtEnd) {
      const id = reader.byte();
      const length = reader.u32();
      const start = reader.at;
      reader.skip(length);
      if (id !== FUNCTION_NAMES) continue;
      const inside = new ByteReader(bytes, start, reader.at);
      for (let i = inside.count("names", most - read); i > 0; i--) {
        names.set(inside.u32(), inside.name());
        read++;
      }
    }
  } catch {
    return names;
  }
  return names;
}
