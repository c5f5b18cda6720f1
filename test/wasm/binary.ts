/** Binary modules put together piece by piece, for what no assembler writes. */

/** An unsigned number. */
export function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...leb(value >>> 7)];
}

/** A short name. */
export function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

/** A section of items, their number before them. */
export function section(id: number, items: readonly (ArrayLike<number> & Iterable<number>)[]): Uint8Array {
  const content = joined([leb(items.length), ...items]);
  return joined([[id], leb(content.length), content]);
}

export function moduleOf(...sections: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return joined([[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0], ...sections]);
}

/** A module of one function `f`, without parameters and results unless the type says so. */
export function functionOf(code: Iterable<number>, parts: Parts = {}): Uint8Array<ArrayBuffer> {
  const body = joined([parts.locals ?? [0], Uint8Array.from(code), [0x0b]]);
  const before = parts.sections ?? [];
  return moduleOf(
    section(1, [parts.type ?? [0x60, 0, 0]]),
    section(3, [[0]]),
    ...before,
    section(7, [[...name("f"), 0, 0], ...(parts.exports ?? [])]),
    section(10, [joined([leb(body.length), body])]),
  );
}

interface Parts {
  readonly type?: readonly number[];
  readonly locals?: readonly number[];
  /** Between the functions and the exports. */
  readonly sections?: readonly Uint8Array[];
  readonly exports?: readonly (readonly number[])[];
}

export function times(count: number, bytes: readonly number[]): Uint8Array {
  const all = new Uint8Array(count * bytes.length);
  for (let index = 0; index < count; index++) all.set(bytes, index * bytes.length);
  return all;
}

export function joined(pieces: readonly (ArrayLike<number> & Iterable<number>)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(pieces.map((piece) => Uint8Array.from(piece))));
}
