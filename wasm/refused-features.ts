/**
 * What WebAssembly has besides what is accepted, by the names of the proposals. Guarantees: an opcode, a type or a
 * section that is not accepted is refused by the name of the feature it belongs to.
 */

/** The feature of an opcode that is not accepted; `second` is the number after a prefix. */
export function featureOfOpcode(first: number, second: number): string {
  if (first === 0xfe) return "threads";
  if (first === 0xfb) return "garbage collection";
  if (first === 0xfd) return second >= 0x100 ? "relaxed SIMD" : `the unknown operation 0xfd ${second}`;
  if (first === 0xfc) return second >= 19 && second <= 22 ? "wide arithmetic" : `the unknown operation 0xfc ${second}`;
  if (first === 0x12 || first === 0x13 || first === 0x15) return "tail calls";
  if (first === 0x14 || first === 0xd4 || first === 0xd5 || first === 0xd6) return "typed function references";
  if (first === 0xd3) return "garbage collection";
  if ((first >= 0x06 && first <= 0x0a) || first === 0x18 || first === 0x19 || first === 0x1f) return "exceptions";
  return `the unknown operation 0x${first.toString(16)}`;
}

/** The feature of a byte that stands where a value type should. */
export function featureOfType(code: number): string {
  if (code === 0x69 || code === 0x74) return "exceptions";
  if (code === 0x63 || code === 0x64) return "typed function references";
  if (code >= 0x60 && code <= 0x78) return "garbage collection";
  return `the unknown type 0x${code.toString(16)}`;
}

/** The feature of a form in the type section that is not a function. */
export function featureOfForm(code: number): string {
  return code === 0x4e || code === 0x4f || code === 0x50 || code === 0x5e || code === 0x5f
    ? "garbage collection"
    : `the unknown kind of type 0x${code.toString(16)}`;
}

/** The feature of flags before limits that are not accepted; undefined where they are. */
export function featureOfLimits(flags: number): string | undefined {
  if (flags < 2) return undefined;
  if (flags > 15) return "limits of an unknown kind";
  if ((flags & 8) !== 0) return "custom page sizes";
  return (flags & 4) !== 0 ? "memory64" : "threads";
}

/** The feature of a section that is not accepted. */
export function featureOfSection(id: number): string {
  if (id === 13) return "exceptions";
  return id === 14 ? "string references" : `the unknown section ${id}`;
}
