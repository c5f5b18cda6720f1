/** Finding many short texts in bytes, in one pass over them. */

/** Which of the texts are in the bytes. Each has at least two characters, all of them ASCII. */
export function foundIn(bytes: Uint8Array, needles: Iterable<string>): Set<string> {
  const byStart = new Map<number, Buffer[]>();
  for (const needle of needles) {
    const text = Buffer.from(needle, "latin1");
    const start = text[0] | (text[1] << 8);
    byStart.set(start, [...(byStart.get(start) ?? []), text]);
  }
  const begins = new Uint8Array(2 ** 16);
  for (const start of byStart.keys()) begins[start] = 1;
  const found = new Set<string>();
  for (let at = 0; at + 1 < bytes.length; at++) {
    const start = bytes[at] | (bytes[at + 1] << 8);
    if (begins[start] === 0) continue;
    for (const text of byStart.get(start) ?? []) if (isAt(bytes, at, text)) found.add(text.toString("latin1"));
  }
  return found;
}

function isAt(bytes: Uint8Array, at: number, text: Buffer): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text[i]) return false;
  return true;
}
