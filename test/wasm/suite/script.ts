/**
 * A WebAssembly script as a list of commands whose modules are bytes and whose constants are bits.
 *
 * Guarantees: every top-level form becomes one command, in order; one that is not understood becomes `skipped` with
 * the reason. Scripts can be written to a file and read back by another process, which needs no assembler.
 */
import type { Assembled, Assembler } from "./assembler.js";
import { constantOf, type Pattern, patternOf, type Value } from "./literal.js";
import { headOf, type List, type Node, parseForms } from "./sexpr.js";

/** What is done to an instance; without a name, to the last one. */
export interface Action {
  readonly on: string | undefined;
  readonly field: string;
  /** Undefined: the global is read. */
  readonly args: readonly Value[] | undefined;
}

export type Command = { readonly line: number } & (
  | { readonly kind: "module"; readonly name: string | undefined; readonly module: Assembled }
  | { readonly kind: "define"; readonly name: string | undefined; readonly module: Assembled }
  | { readonly kind: "instance"; readonly name: string | undefined; readonly of: string | undefined }
  | { readonly kind: "register"; readonly as: string; readonly name: string | undefined }
  | { readonly kind: "act"; readonly action: Action }
  | { readonly kind: "return"; readonly action: Action; readonly expected: readonly (readonly Pattern[])[] }
  | { readonly kind: "trap"; readonly action: Action; readonly text: string }
  | { readonly kind: "exhaustion"; readonly action: Action; readonly text: string }
  | { readonly kind: "moduleTrap" | "unlinkable" | "invalid" | "malformed"; readonly module: Assembled }
  | { readonly kind: "skipped"; readonly why: string }
);

export interface Script {
  readonly name: string;
  readonly commands: readonly Command[];
}

/** Reads a script. */
export function parseScript(name: string, source: string, assembler: Assembler): Script {
  const forms = parseForms(source);
  const known = forms.some((form) => /^(module|assert_\w+|register|invoke|get)$/.test(headOf(form)));
  if (!known) {
    const module = assembler.text(new TextEncoder().encode(`(module ${source})`));
    return { name, commands: [{ line: 1, kind: "module", name: undefined, module }] };
  }
  const reader = new ScriptReader(source, assembler);
  return { name, commands: forms.map((form) => reader.command(form)) };
}

class Unread extends Error {}

class ScriptReader {
  private line = 1;
  private counted = 0;

  private readonly source: string;
  private readonly assembler: Assembler;

  constructor(source: string, assembler: Assembler) {
    this.source = source;
    this.assembler = assembler;
  }

  command(form: Node): Command {
    for (; this.counted < form.start; this.counted++) if (this.source[this.counted] === "\n") this.line++;
    const { line } = this;
    if (form.kind !== "list") return { line, kind: "skipped", why: "no form" };
    try {
      return this.form(form, line);
    } catch (error) {
      if (!(error instanceof Unread)) throw error;
      return { line, kind: "skipped", why: error.message };
    }
  }

  private form(form: List, line: number): Command {
    const [, first, second] = form.items;
    switch (headOf(form)) {
      case "module":
        return this.moduleCommand(form, line);
      case "register":
        return { line, kind: "register", as: textOf(first), name: second && atomOf(second) };
      case "invoke":
      case "get":
        return { line, kind: "act", action: actionOf(form) };
      case "assert_return":
        return { line, kind: "return", action: actionOf(first), expected: form.items.slice(2).map(expectedOf) };
      case "assert_exhaustion":
        return { line, kind: "exhaustion", action: actionOf(first), text: textOf(second) };
      case "assert_trap":
        return headOf(first) === "module"
          ? { line, kind: "moduleTrap", module: this.module(listOf(first)) }
          : { line, kind: "trap", action: actionOf(first), text: textOf(second) };
      case "assert_unlinkable":
        return { line, kind: "unlinkable", module: this.module(listOf(first)) };
      case "assert_invalid":
        return { line, kind: "invalid", module: this.module(listOf(first)) };
      case "assert_malformed":
        return { line, kind: "malformed", module: this.module(listOf(first)) };
      default:
        throw new Unread(headOf(form) || "no command");
    }
  }

  private moduleCommand(form: List, line: number): Command {
    const [sort, name, of] = form.items.slice(1, 4).map((item) => (item.kind === "atom" ? item.text : undefined));
    if (sort === "instance") return { line, kind: "instance", name, of };
    const define = sort === "definition";
    const own = define ? name : sort;
    const whole = this.module(form);
    const module = whole.standing === "unread" ? this.reduced(form) : whole;
    return { line, kind: define ? "define" : "module", name: own?.startsWith("$") ? own : undefined, module };
  }

  private module(form: List): Assembled {
    const rest = form.items.slice(1);
    const sort = rest.findIndex((item) => item.kind === "atom" && /^(binary|quote)$/.test(item.text));
    const definition = rest[0]?.kind === "atom" && rest[0].text === "definition" ? rest[0] : undefined;
    if (sort < 0) {
      const text = definition
        ? this.source.slice(form.start, definition.start) + this.source.slice(definition.end, form.end)
        : this.source.slice(form.start, form.end);
      return this.assembler.text(new TextEncoder().encode(text));
    }
    const bytes = Buffer.concat(rest.slice(sort + 1).map((item) => (item.kind === "text" ? item.bytes : Buffer.of())));
    const word = rest[sort];
    if (word.kind === "atom" && word.text === "binary") return this.assembler.binary(bytes);
    const [open, close] = [Buffer.from("(module "), Buffer.from(")")];
    const whole = /^\s*\(\s*module\b/.test(bytes.toString("latin1"));
    return this.assembler.text(whole ? bytes : Buffer.concat([open, bytes, close]));
  }

  /** Some modules have a function or two of a newer feature; the rest of them is worth running. */
  private reduced(form: List): Assembled {
    const newer = form.items.filter((item) => /^(func|table|global)$/.test(headOf(item)) && hasTypedReferences(item));
    let text = "";
    let from = form.start;
    for (const { start, end } of newer) {
      text += this.source.slice(from, start);
      from = end;
    }
    return this.assembler.text(new TextEncoder().encode(text + this.source.slice(from, form.end)));
  }
}

/** True for what has typed references in it. */
function hasTypedReferences(node: Node): boolean {
  return node.kind === "list" && (headOf(node) === "ref" || node.items.some(hasTypedReferences));
}

function actionOf(node: Node): Action {
  const list = listOf(node);
  const items = list.items.slice(1);
  const on = items[0]?.kind === "atom" ? items[0].text : undefined;
  const [field, ...args] = on === undefined ? items : items.slice(1);
  if (headOf(list) === "get") return { on, field: textOf(field), args: undefined };
  if (headOf(list) !== "invoke") throw new Unread(`action ${headOf(list)}`);
  const values = args.map((arg) => constantOf(arg) ?? unread(arg));
  return { on, field: textOf(field), args: values };
}

/** The patterns of one result: more than one for `either`. */
function expectedOf(node: Node): Pattern[] {
  if (headOf(node) === "either")
    return listOf(node)
      .items.slice(1)
      .map((item) => patternOf(item) ?? unread(item));
  return [patternOf(node) ?? unread(node)];
}

function unread(node: Node): never {
  throw new Unread(`constant ${headOf(node)}`);
}

function listOf(node: Node | undefined): List {
  if (node?.kind !== "list") throw new Unread("no list");
  return node;
}

function atomOf(node: Node): string {
  if (node.kind !== "atom") throw new Unread("no atom");
  return node.text;
}

function textOf(node: Node | undefined): string {
  if (node?.kind !== "text") throw new Unread("no string");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(node.bytes);
}

/** Scripts as text for another process. */
export function writeScripts(scripts: readonly Script[]): string {
  return JSON.stringify(scripts, (_key, value: unknown) => {
    if (typeof value === "bigint") return { big: `0x${value.toString(16)}` };
    return value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;
  });
}

export function readScripts(text: string): Script[] {
  return JSON.parse(text, (_key, value) => {
    if (typeof value?.big === "string") return BigInt(value.big);
    return typeof value?.base64 === "string" ? new Uint8Array(Buffer.from(value.base64, "base64")) : value;
  });
}
