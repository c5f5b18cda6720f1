/**
 * The outline of a binary module, read on its own and not with the rewriter's reader: types, imports, exports, and
 * whether it uses what the rewriter has to refuse.
 *
 * Guarantees: reads only well-formed modules right; code is not looked at. Throws RangeError past the end.
 */

/** A function type; value types are their bytes in the binary format. */
export interface Signature {
  readonly params: readonly number[];
  readonly results: readonly number[];
}

export interface GlobalType {
  readonly type: number;
  readonly mutable: boolean;
}

export interface Export {
  readonly name: string;
  readonly kind: number;
  readonly index: number;
}

/** What a module says about itself outside its code. Index spaces start with the imports. */
export interface Outline {
  readonly types: Signature[];
  readonly functions: Signature[];
  readonly globals: GlobalType[];
  readonly exports: Export[];
  readonly imports: { readonly module: string; readonly name: string; readonly kind: number }[];
  readonly memories: number;
  /** A feature that has to be refused, seen outside the code. */
  readonly refused: string | undefined;
  /** A constant expression of more than one operation, or one that reads a global of the module itself. */
  readonly longConstants: boolean;
}

const valueTypes = new Set([0x7f, 0x7e, 0x7d, 0x7c, 0x7b, 0x70, 0x6f]);

export function outlineOf(bytes: Uint8Array): Outline {
  return new OutlineReader(bytes).read();
}

/** Every section: its id and the place of its content. */
export function sectionsOf(bytes: Uint8Array): { id: number; start: number; end: number }[] {
  const reader = new OutlineReader(bytes);
  const sections: { id: number; start: number; end: number }[] = [];
  for (reader.at = 8; reader.at < bytes.length; ) {
    const id = reader.byte();
    const size = reader.leb();
    sections.push({ id, start: reader.at, end: reader.at + size });
    reader.at += size;
  }
  return sections;
}

class OutlineReader {
  at = 8;
  private readonly types: Signature[] = [];
  private readonly functions: Signature[] = [];
  private readonly globals: GlobalType[] = [];
  private readonly exports: Export[] = [];
  private readonly imports: Outline["imports"] = [];
  private importedGlobals = 0;
  private memories = 0;
  private refused: string | undefined;
  private longConstants = false;

  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  read(): Outline {
    for (const { id, start } of sectionsOf(this.bytes)) {
      this.at = start;
      if (id === 1) this.times(() => this.type());
      else if (id === 2) this.times(() => this.import());
      else if (id === 3) this.times(() => this.functions.push(this.types[this.leb()]));
      else if (id === 4) this.times(() => this.table());
      else if (id === 5) this.times(() => this.memory());
      else if (id === 6) this.times(() => this.global());
      else if (id === 7)
        this.times(() => this.exports.push({ name: this.name(), kind: this.byte(), index: this.leb() }));
      else if (id === 9) this.times(() => this.element());
      else if (id === 11) this.times(() => this.data());
      else if (id === 13) this.refuse("exceptions");
      if (this.refused !== undefined) break;
    }
    if (this.memories > 1) this.refuse("multi-memory");
    const { types, functions, globals, exports, imports, memories, refused, longConstants } = this;
    return { types, functions, globals, exports, imports, memories, refused, longConstants };
  }

  byte(): number {
    if (this.at >= this.bytes.length) throw new RangeError("past the end");
    return this.bytes[this.at++];
  }

  leb(): number {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  }

  private name(): string {
    const length = this.leb();
    this.at += length;
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.bytes.subarray(this.at - length, this.at));
  }

  private times(each: () => unknown): void {
    for (let count = this.leb(); count > 0 && this.refused === undefined; count--) each();
  }

  private refuse(what: string): void {
    this.refused ??= what;
  }

  private valueType(): number {
    const type = this.byte();
    if (!valueTypes.has(type)) this.refuse("other value types");
    return type;
  }

  private valueList(): number[] {
    const list: number[] = [];
    this.times(() => list.push(this.valueType()));
    return list;
  }

  private type(): void {
    if (this.byte() !== 0x60) this.refuse("other types");
    else this.types.push({ params: this.valueList(), results: this.valueList() });
  }

  private import(): void {
    const module = this.name();
    const name = this.name();
    const kind = this.byte();
    this.imports.push({ module, name, kind });
    if (kind === 0) this.functions.push(this.types[this.leb()]);
    else if (kind === 1) this.tableType();
    else if (kind === 2) this.memory();
    else if (kind === 3) {
      this.globals.push(this.globalType());
      this.importedGlobals++;
    } else this.refuse("exceptions");
  }

  private table(): void {
    if (this.bytes[this.at] === 0x40) this.refuse("tables with a first element");
    else this.tableType();
  }

  private tableType(): void {
    this.valueType();
    this.limits();
  }

  private memory(): void {
    this.memories++;
    this.limits();
  }

  private limits(): void {
    const flags = this.byte();
    if (flags & 2) this.refuse("threads");
    if (flags & 4) this.refuse("memory64");
    if (flags & 8) this.refuse("custom page sizes");
    this.leb();
    if (flags & 1) this.leb();
  }

  private globalType(): GlobalType {
    return { type: this.valueType(), mutable: this.byte() === 1 };
  }

  private global(): void {
    this.globals.push(this.globalType());
    this.constant();
  }

  private element(): void {
    const flags = this.leb();
    const active = (flags & 1) === 0;
    if (active && flags & 2) this.leb();
    if (active) this.constant();
    if (flags & 4) {
      if (!active || flags & 2) this.valueType();
      this.times(() => this.constant());
    } else {
      if (!active || flags & 2) this.byte();
      this.times(() => this.leb());
    }
  }

  private data(): void {
    const flags = this.leb();
    if (flags === 2) this.leb();
    if (flags !== 1) this.constant();
    const size = this.leb();
    this.at += size;
  }

  private constant(): void {
    let operations = 0;
    for (let code = this.byte(); code !== 0x0b; code = this.byte()) {
      operations++;
      if (code === 0x41 || code === 0x42 || code === 0xd2) this.leb();
      else if (code === 0x43) this.at += 4;
      else if (code === 0x44) this.at += 8;
      else if (code === 0xd0) this.valueType();
      else if (code === 0x23) {
        if (this.leb() >= this.importedGlobals) this.longConstants = true;
      } else if (code === 0xfd) this.at += 17;
      else if (code < 0x6a || code > 0x7e) return void this.refuse("other constants");
    }
    if (operations !== 1) this.longConstants = true;
  }
}
