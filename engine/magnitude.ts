/**
 * The size of a big integer as bytes: big-endian, no leading zero byte. Guarantees: exact at every length, in time
 * linear in it.
 */

/** The magnitude of a positive bigint in hexadecimal, two digits a byte. */
export function magnitudeHex(positive: bigint): string {
  const hex = positive.toString(16);
  return hex.length % 2 === 0 ? hex : `0${hex}`;
}

/** Writes what {@link magnitudeHex} gave to `bytes` at `at`; returns the end. */
export function writeMagnitude(hex: string, bytes: Uint8Array, at: number): number {
  for (let i = 0; i < hex.length; i += 2) bytes[at++] = (digit(hex.charCodeAt(i)) << 4) | digit(hex.charCodeAt(i + 1));
  return at;
}

/** Reads the magnitude in `bytes[start..end)`, each byte combined with `flip` by exclusive or. */
export function readMagnitude(bytes: Uint8Array, start: number, end: number, flip: number): bigint {
  let hex = "0x0";
  for (let i = start; i < end; i++) {
    const byte = bytes[i] ^ flip;
    hex += (byte < 16 ? "0" : "") + byte.toString(16);
  }
  return BigInt(hex);
}

function digit(code: number): number {
  return code < 58 ? code - 48 : code - 87;
}
