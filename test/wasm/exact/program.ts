/**
 * Programs for the comparison with an interpreter, in WebAssembly text: generated so that they end and never trap, with
 * branches to every label around, tables of branches, loops, calls, calls by a table, and returns from depth.
 */
import fc from "fast-check";

type Expression =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "local"; readonly index: number }
  | { readonly kind: "binary"; readonly name: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "choice"; readonly on: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly kind: "call"; readonly to: number; readonly byTable: boolean; readonly with: Expression }
  | { readonly kind: "early"; readonly value: Expression; readonly on: Expression };

type Statement =
  | { readonly kind: "set"; readonly index: number; readonly value: Expression }
  | { readonly kind: "if"; readonly on: Expression; readonly yes: Statement[]; readonly no: Statement[] }
  | { readonly kind: "loop"; readonly times: number; readonly body: Statement[] }
  | { readonly kind: "block"; readonly body: Statement[] }
  | { readonly kind: "leave"; readonly depth: number; readonly on: Expression | undefined }
  | { readonly kind: "table"; readonly depths: number[]; readonly on: Expression }
  | { readonly kind: "return"; readonly value: Expression; readonly on: Expression }
  | { readonly kind: "store"; readonly at: number; readonly value: Expression }
  | { readonly kind: "nop" };

const functions = 4;
const locals = 3;
const loops = 3;
const small = fc.nat(3);
const binaries = ["i32.add", "i32.sub", "i32.mul", "i32.xor", "i32.lt_u", "i32.shr_u", "i32.eq"];

const { expression, statements } = fc.letrec<{
  expression: Expression;
  statement: Statement;
  statements: Statement[];
}>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.record({ kind: fc.constant("constant" as const), value: small }),
    fc.record({ kind: fc.constant("local" as const), index: fc.nat(locals - 1) }),
    fc.record({
      kind: fc.constant("binary" as const),
      name: fc.constantFrom(...binaries),
      left: tie("expression"),
      right: tie("expression"),
    }),
    fc.record({
      kind: fc.constant("choice" as const),
      on: tie("expression"),
      yes: tie("expression"),
      no: tie("expression"),
    }),
    fc.record({
      kind: fc.constant("call" as const),
      to: fc.nat(functions),
      byTable: fc.boolean(),
      with: tie("expression"),
    }),
    fc.record({ kind: fc.constant("early" as const), value: tie("expression"), on: tie("expression") }),
  ),
  statement: fc.oneof(
    { maxDepth: 4, depthSize: "medium" },
    fc.record({ kind: fc.constant("set" as const), index: fc.nat(locals - 1), value: tie("expression") }),
    fc.record({
      kind: fc.constant("leave" as const),
      depth: small,
      on: fc.option(tie("expression"), { nil: undefined, freq: 9 }),
    }),
    fc.record({
      kind: fc.constant("table" as const),
      depths: fc.array(small, { minLength: 1, maxLength: 4 }),
      on: tie("expression"),
    }),
    fc.record({ kind: fc.constant("return" as const), value: tie("expression"), on: tie("expression") }),
    fc.record({ kind: fc.constant("store" as const), at: small, value: tie("expression") }),
    fc.record({ kind: fc.constant("nop" as const) }),
    fc.record({
      kind: fc.constant("if" as const),
      on: tie("expression"),
      yes: tie("statements"),
      no: tie("statements"),
    }),
    fc.record({ kind: fc.constant("loop" as const), times: small, body: tie("statements") }),
    fc.record({ kind: fc.constant("block" as const), body: tie("statements") }),
  ),
  statements: fc.array(tie("statement"), { maxLength: 4, size: "small" }),
}));

const body = fc.record({ statements, value: expression });

/** A module whose exports `run0`, `run1` and so on take nothing and return an i32. */
export const programs: fc.Arbitrary<string> = fc
  .array(body, { minLength: functions + 1, maxLength: functions + 1 })
  .map(
    (bodies) => `(module (memory 1) (type $t (func (param i32) (result i32)))
      (table funcref (elem ${bodies.map((_, index) => `$f${index}`).join(" ")}))
      ${bodies.map(({ statements, value }, index) => new Writer(index).function(statements, value)).join("\n")}
      ${bodies.map((_, index) => runOf(index)).join("\n")})`,
  );

function runOf(index: number): string {
  return `(func (export "run${index}") (result i32) (call $f${index} (i32.const 2)))`;
}

class Writer {
  private readonly index: number;
  private readonly labels: string[] = [];
  private loopDepth = 0;
  private named = 0;
  private calls = 0;

  constructor(index: number) {
    this.index = index;
  }

  function(statements: readonly Statement[], value: Expression): string {
    const text = `${statements.map((one) => this.statement(one)).join("\n")} ${this.expression(value)}`;
    const own = [...Array(locals - 1).keys()].map((index) => `(local $v${index + 1} i32)`).join(" ");
    const counters = [...Array(loops).keys()].map((index) => `(local $c${index} i32)`).join(" ");
    const mark = `(drop (i32.const ${1000 + this.index}))`; // tells functions apart in a trace
    return `(func $f${this.index} (type $t) (param $v0 i32) (result i32) ${own} ${counters} ${mark} ${text})`;
  }

  private expression(one: Expression): string {
    if (one.kind === "constant") return `(i32.const ${one.value})`;
    if (one.kind === "local") return `(local.get $v${one.index})`;
    if (one.kind === "binary") return `(${one.name} ${this.expression(one.left)} ${this.expression(one.right)})`;
    if (one.kind === "call") return this.call(one.to, one.byTable, this.expression(one.with));
    if (one.kind === "choice") {
      const on = this.expression(one.on);
      return this.within("if", () => {
        const [yes, no] = [this.expression(one.yes), this.expression(one.no)];
        return (label) => `(if ${label} (result i32) ${on} (then ${yes}) (else ${no}))`;
      });
    }
    return this.within("early", () => {
      const [value, on] = [this.expression(one.value), this.expression(one.on)];
      return (label) => `(block ${label} (result i32) (drop (br_if ${label} ${value} ${on})) (i32.const 1))`;
    });
  }

  /** Only functions behind this one, and not many: so that it ends, and soon. */
  private call(to: number, byTable: boolean, argument: string): string {
    const target = this.index + 1 + to;
    if (target > functions || this.loopDepth > 1 || ++this.calls > 3) return argument;
    return byTable ? `(call_indirect (type $t) ${argument} (i32.const ${target}))` : `(call $f${target} ${argument})`;
  }

  private within(name: string, inside: () => (label: string) => string): string {
    const label = `$${name}${this.named++}`;
    this.labels.push(label);
    const text = inside()(label);
    this.labels.pop();
    return text;
  }

  /** Labels that a statement may go to: those of blocks without a result. */
  private label(depth: number): string | undefined {
    const open = this.labels.filter((label) => /^\$(block|loop|when)/.test(label));
    return open.length === 0 ? undefined : open[open.length - 1 - (depth % open.length)];
  }

  private statement(one: Statement): string {
    switch (one.kind) {
      case "set":
        return `(local.set $v${one.index} ${this.expression(one.value)})`;
      case "store":
        return `(i32.store (i32.const ${one.at * 4}) (i32.add (i32.load (i32.const 0)) ${this.expression(one.value)}))`;
      case "nop":
        return "(nop)";
      case "return":
        return `(if ${this.expression(one.on)} (then (return ${this.expression(one.value)})))`;
      case "if": {
        const on = this.expression(one.on);
        return this.within("when", () => {
          const [yes, no] = [one.yes, one.no].map((list) => list.map((each) => this.statement(each)).join(" "));
          return (label) => `(if ${label} ${on} (then ${yes}) ${one.no.length > 0 ? `(else ${no})` : ""})`;
        });
      }
      case "block":
        return this.within("block", () => {
          const inside = one.body.map((each) => this.statement(each)).join(" ");
          return (label) => `(block ${label} ${inside})`;
        });
      case "loop":
        return this.loop(one.times, one.body);
      case "leave": {
        const label = this.label(one.depth);
        if (label === undefined) return "(nop)";
        return one.on === undefined ? `(br ${label})` : `(br_if ${label} ${this.expression(one.on)})`;
      }
      case "table": {
        const depths = one.depths.map((depth) => this.label(depth));
        return depths.includes(undefined) ? "(nop)" : `(br_table ${depths.join(" ")} ${this.expression(one.on)})`;
      }
    }
  }

  /** Counts down where it begins, so that going back to it from anywhere inside ends as well. */
  private loop(times: number, inside: readonly Statement[]): string {
    if (this.loopDepth === loops) return "(nop)";
    const counter = `$c${this.loopDepth++}`;
    const text = this.within("block", () => {
      const inner = this.within("loop", () => {
        const body = inside.map((each) => this.statement(each)).join(" ");
        const step = `(local.set ${counter} (i32.sub (local.get ${counter}) (i32.const 1)))`;
        return (label) => `(loop ${label} (br_if @ (i32.eqz (local.get ${counter}))) ${step} ${body} (br ${label}))`;
      });
      return (label) => `(block ${label} ${inner.replace("@", label)})`;
    });
    this.loopDepth--;
    return `(local.set ${counter} (i32.const ${times})) ${text}`;
  }
}
