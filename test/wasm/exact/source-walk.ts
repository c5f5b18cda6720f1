/**
 * Follows the interpreter's trace through the operations of the module as they are written, and counts those.
 *
 * The interpreter runs code of its own making: `br_if` and `if` are both `br_unless`, the end of a branch taken
 * is a jump, stacks are cleaned up by operations that nobody wrote. So each written operation says which steps it
 * stands for; a trace that says anything else is an error. Operations that only mark a place count nothing.
 */
import type { Step } from "./interpreter.js";

interface Operation {
  readonly name: string;
  readonly rest: string;
  /** Where the block ends, or its other branch begins. */
  end: number;
  otherwise: number;
}

const free = new Set(["block", "loop", "else", "end", "nop"]);
const cleaning = new Set(["drop", "drop_keep", "catch_drop"]);

/** The bodies of a module in the flat text form of `wabt`, imports of functions excluded. */
export function bodiesIn(text: string): Operation[][] {
  const bodies: Operation[][] = [];
  let within = false;
  for (const line of text.split("\n")) {
    if (line.startsWith("  (func ")) bodies.push([]);
    if (/^ {2}\(/.test(line)) within = line.startsWith("  (func ") && !line.endsWith("))");
    else if (within && !line.startsWith("    (local ")) {
      const [, name, rest] = /^\s+(\S+?)\)?(?: (.*))?$/.exec(line) ?? [];
      bodies[bodies.length - 1].push({ name, rest: rest ?? "", end: -1, otherwise: -1 });
    }
  }
  for (const body of bodies) pairBlocks(body);
  return bodies;
}

function pairBlocks(body: Operation[]): void {
  const open: Operation[] = [];
  for (const [index, operation] of body.entries()) {
    if (/^(block|loop|if)$/.test(operation.name)) open.push(operation);
    else if (operation.name === "else") open[open.length - 1].otherwise = index;
    else if (operation.name === "end") {
      const block = open.pop();
      if (block) block.end = index;
    }
  }
}

/** How many written operations a trace of function `index` stands for. */
export function countOf(bodies: readonly Operation[][], index: number, steps: readonly Step[]): number {
  const walk = new SourceWalk(bodies, steps);
  walk.run(index);
  walk.finish();
  return walk.count;
}

class SourceWalk {
  count = 0;
  private at = 0;
  private readonly bodies: readonly Operation[][];
  private readonly steps: readonly Step[];

  constructor(bodies: readonly Operation[][], steps: readonly Step[]) {
    this.bodies = bodies;
    this.steps = steps;
  }

  finish(): void {
    if (this.at !== this.steps.length) throw new Error(`${this.steps.length - this.at} steps are left`);
  }

  /** Through one call of a function, to the step that returns. */
  run(index: number): void {
    const body = this.bodies[index];
    const labels: number[] = [];
    if (this.steps[this.at]?.name === "alloca") this.at++;
    for (let place = 0; place < body.length; ) {
      const next = this.operation(body, place, labels);
      if (next === undefined) return;
      place = next;
    }
    this.jump("return");
  }

  /** The place to go on at; undefined if the function returned. */
  private operation(body: readonly Operation[], place: number, labels: number[]): number | undefined {
    const { name, rest, end, otherwise } = body[place];
    if (!free.has(name)) this.count++;
    switch (name) {
      case "block":
      case "loop":
        labels.push(place);
        return place + 1;
      case "if":
        labels.push(place);
        if (this.condition()) return place + 1;
        if (otherwise >= 0) return otherwise + 1;
        return end; // its end takes the label away
      case "else":
        this.jump("br");
        return body[labels[labels.length - 1]].end;
      case "nop":
        return place + 1;
      case "end":
        labels.pop();
        return place + 1;
      case "br":
        return this.branch(body, labels, Number.parseInt(rest, 10));
      case "br_if":
        return this.condition() ? this.branch(body, labels, Number.parseInt(rest, 10)) : place + 1;
      case "br_table":
        return this.branch(body, labels, this.choice(rest));
      case "return":
        this.jump("return");
        return undefined;
      case "call":
        this.step(name);
        this.run(Number.parseInt(rest, 10));
        return place + 1;
      case "call_indirect":
        this.step(name);
        this.run(this.called());
        return place + 1;
      default:
        this.step(name);
        return place + 1;
    }
  }

  private branch(body: readonly Operation[], labels: number[], depth: number): number | undefined {
    if (depth === labels.length) {
      this.jump("br"); // to the end, where it returns
      this.jump("return");
      return undefined;
    }
    this.jump("br");
    labels.length -= depth;
    const place = labels[labels.length - 1];
    return body[place].name === "loop" ? place + 1 : body[place].end;
  }

  /** The depth that a table of branches leads to. */
  private choice(labels: string): number {
    const index = Number(this.step("br_table").rest.split(", ")[1]);
    const depths = labels
      .replace(/\(;.*?;\)/g, "")
      .trim()
      .split(/\s+/)
      .map(Number);
    return depths[Math.min(index, depths.length - 1)];
  }

  private condition(): boolean {
    return this.step("br_unless").rest.split(", ")[1] !== "0";
  }

  /** A jump, with what the interpreter does before. */
  private jump(name: string): void {
    while (cleaning.has(this.steps[this.at]?.name)) this.at++;
    this.step(name);
  }

  private step(name: string): Step {
    const step = this.steps[this.at++];
    if (step?.name !== name) throw new Error(`step ${this.at}: ${step?.name}, and ${name} is written`);
    return step;
  }

  /** Which function was called: each one that is called by a table begins with a constant of its own. */
  private called(): number {
    const first = this.steps[this.steps[this.at].name === "alloca" ? this.at + 1 : this.at];
    const found = this.bodies.flatMap(([begin], index) =>
      begin.name === "i32.const" && first.name === begin.name && first.rest === begin.rest ? [index] : [],
    );
    if (found.length !== 1) throw new Error(`${found.length} functions begin with ${first.name} ${first.rest}`);
    return found[0];
  }
}
