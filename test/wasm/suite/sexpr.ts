/**
 * S-expressions of WebAssembly scripts: lists, atoms and strings, each with the place where it stands in the text.
 *
 * Guarantees: every character of the text belongs to one node, a comment or white space; anything else throws.
 */

/** A list in parentheses, an atom (keyword, name, number) or a string literal, decoded to bytes. */
export type Node = List | Atom | Text;

export interface List {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly start: number;
  readonly end: number;
}

export interface Atom {
  readonly kind: "atom";
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

export interface Text {
  readonly kind: "text";
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** The first atom of a list: what it is. */
export function headOf(node: Node): string {
  if (node.kind !== "list") return "";
  const [head] = node.items;
  return head?.kind === "atom" ? head.text : "";
}

/** Every top-level form of a script. */
export function parseForms(source: string): Node[] {
  const open: { items: Node[]; start: number }[] = [{ items: [], start: 0 }];
  const token = /(?:\s+|;;[^\n\r]*)+|\(;|\(|\)|"(?:[^"\\]|\\[\s\S])*"|[^\s()";]+|;/y;
  while (token.lastIndex < source.length) {
    const start = token.lastIndex;
    const found = token.exec(source);
    if (found === null) throw new Error(`no token at ${start}: ${source.slice(start, start + 20)}`);
    const top = open[open.length - 1];
    const text = found[0];
    const end = token.lastIndex;
    if (text === "(;") token.lastIndex = endOfComment(source, start);
    else if (text === "(") open.push({ items: [], start });
    else if (text === ")") {
      if (open.length === 1) throw new Error(`nothing to close at ${start}`);
      open.pop();
      open[open.length - 1].items.push({ kind: "list", items: top.items, start: top.start, end });
    } else if (text[0] === '"') top.items.push({ kind: "text", bytes: bytesOf(text.slice(1, -1)), start, end });
    else if (!/^(\s|;;)/.test(text)) top.items.push({ kind: "atom", text, start, end });
  }
  if (open.length !== 1) throw new Error(`a list from ${open[open.length - 1].start} is not closed`);
  return open[0].items;
}

function endOfComment(source: string, start: number): number {
  const mark = /\(;|;\)/g;
  mark.lastIndex = start;
  let depth = 0;
  for (let found = mark.exec(source); found !== null; found = mark.exec(source)) {
    depth += found[0] === "(;" ? 1 : -1;
    if (depth === 0) return mark.lastIndex;
  }
  throw new Error(`a comment from ${start} is not closed`);
}

const escapes: Record<string, string> = { n: "\n", r: "\r", t: "\t", '"': '"', "'": "'", "\\": "\\" };

/** The bytes of a string literal between its quotes. */
function bytesOf(literal: string): Uint8Array {
  const parts = literal.match(/\\[0-9a-fA-F]{2}|\\u\{[0-9a-fA-F_]+\}|\\[\s\S]|[^\\]+/g) ?? [];
  return new Uint8Array(Buffer.concat(parts.map(partOf)));
}

function partOf(part: string): Buffer {
  if (part[0] !== "\\") return Buffer.from(part, "utf8");
  if (part[1] === "u" && part[2] === "{") {
    return Buffer.from(String.fromCodePoint(Number.parseInt(part.slice(3, -1).replaceAll("_", ""), 16)), "utf8");
  }
  if (part.length === 3) return Buffer.from([Number.parseInt(part.slice(1), 16)]);
  return Buffer.from(escapes[part[1]] ?? part[1], "utf8");
}
