/**
 * Runs scripts on modules as they are and as they were rewritten.
 *
 * Guarantees: an assertion that holds for the original and not for the rewritten module is a failure, and so is a
 * module that is refused without a reason or accepted against one. What could not be asked is counted, not hidden.
 */
import { createHash } from "node:crypto";
import { LlmdbError } from "../../../pager/error.js";
import { webAssembly } from "../../../wasm/web-assembly.js";
import type { Assembled } from "./assembler.js";
import { matches, type Pattern, type Value } from "./literal.js";
import type { Action, Command, Script } from "./script.js";
import { Member, type Outcome, rewriteForSuite, Side } from "./side.js";

type Assertion = Extract<Command, { action: Action }>;
type ModuleAssertion = Extract<Command, { kind: "moduleTrap" | "unlinkable" | "invalid" | "malformed" }>;

/** How often each thing was met. */
export class Figures {
  readonly counts = new Map<string, number>();

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }
}

/** Compares, or only digests, script by script. */
export class Comparison {
  readonly figures = new Figures();
  readonly failures: string[] = [];
  /** By script: how many modules had to be refused. */
  readonly refusedModules = new Map<string, number>();
  private readonly hash = createHash("sha256");

  /** @param alone only rewritten modules run, and only what every engine has: what the digest needs. */
  private readonly alone: boolean;

  constructor(alone = false) {
    this.alone = alone;
  }

  run(script: Script): void {
    new ScriptRun(script, this, this.alone).run();
  }

  /** Of the fuel and the results of every call, in order. */
  digest(): string {
    return this.hash.copy().digest("hex");
  }

  note(outcome: Outcome): void {
    const result = outcome.kind === "values" ? outcome.values.map(describe).join() : outcome.kind;
    this.hash.update(`${outcome.fuel} ${result}\n`);
  }
}

interface Pair {
  readonly original: Member | undefined;
  readonly rewritten: Member;
}

class ScriptRun {
  private readonly original = new Side(false);
  private readonly rewritten = new Side(true);
  private readonly named = new Map<string | undefined, Pair>();
  private readonly definitions = new Map<string | undefined, Assembled>();
  private line = 0;

  private readonly script: Script;
  private readonly results: Comparison;
  private readonly alone: boolean;

  constructor(script: Script, results: Comparison, alone: boolean) {
    this.script = script;
    this.results = results;
    this.alone = alone;
  }

  run(): void {
    this.results.figures.add("scripts");
    for (const command of this.script.commands) {
      this.line = command.line;
      try {
        this.command(command);
      } catch (error) {
        this.fail(error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
    }
  }

  private fail(what: string): void {
    this.results.failures.push(`${this.script.name}:${this.line}: ${what}`);
  }

  private count(what: string): void {
    this.results.figures.add(what);
  }

  private command(command: Command): void {
    if (command.kind === "module") this.define(command.name, this.instantiate(command.module));
    else if (command.kind === "define") this.definitions.set(command.name, command.module);
    else if (command.kind === "instance") {
      const definition = this.definitions.get(command.of);
      this.define(command.name, definition && this.instantiate(definition));
    } else if (command.kind === "register") this.register(command.as, command.name);
    else if (command.kind === "skipped") this.count(`skipped: ${command.why}`);
    else if ("action" in command) this.act(command);
    else this.moduleAssertion(command);
  }

  private define(name: string | undefined, pair: Pair | undefined): void {
    for (const key of [undefined, name]) {
      if (pair === undefined) this.named.delete(key);
      else this.named.set(key, pair);
    }
  }

  private register(as: string, name: string | undefined): void {
    const pair = this.named.get(name);
    if (pair === undefined) return void this.count("lost registrations");
    if (pair.original) this.original.register(as, pair.original);
    this.rewritten.register(as, pair.rewritten);
  }

  /** Undefined where nothing can run; says so if something should. */
  private instantiate(module: Assembled): Pair | undefined {
    const { standing, bytes } = module;
    if (standing === "refused") return this.mustRefuse(bytes);
    if (standing === "unread" || standing === "invalid") {
      this.count(`modules ${standing}`);
      return undefined;
    }
    const portable = standing === "runs";
    if (this.alone ? !portable : !webAssembly.validate(bytes)) {
      this.count("modules of newer engines");
      return undefined;
    }
    const original = this.alone ? undefined : this.original.instantiate(bytes, portable);
    const rewritten = this.rewritten.instantiate(bytes, portable);
    return this.pair(original, rewritten);
  }

  private pair(original: Member | Outcome | undefined, rewritten: Member | Outcome): Pair | undefined {
    if (rewritten instanceof Member && (original instanceof Member || original === undefined)) {
      this.count("modules");
      return { original, rewritten };
    }
    this.count("modules that do not link");
    if (this.alone || (original && !(original instanceof Member) && !(rewritten instanceof Member))) return undefined;
    this.fail(`instantiated one way only: ${textOf(original)}, rewritten ${textOf(rewritten)}`);
    return undefined;
  }

  private mustRefuse(bytes: Uint8Array): undefined {
    this.results.refusedModules.set(this.script.name, (this.results.refusedModules.get(this.script.name) ?? 0) + 1);
    if (this.alone) return undefined;
    this.count("modules refused");
    const refused = refusalOf(bytes);
    if (refused === undefined) this.fail("accepted, and is of a feature that is refused");
    return undefined;
  }

  private act(command: Assertion): void {
    const { action } = command;
    const pair = this.named.get(action.on);
    if (pair === undefined || !pair.rewritten.has(action.field)) return void this.count("lost assertions");
    const rewritten = this.rewritten.call(pair.rewritten, action.field, action.args ?? []);
    if (pair.rewritten.portable) this.results.note(rewritten);
    if (this.alone) return;
    if (pair.original === undefined) return;
    const original = this.original.call(pair.original, action.field, action.args ?? []);
    if (command.kind === "act") {
      this.count("actions");
      return void this.sameOutcome(original, rewritten);
    }
    const wrong = wrongIn(command, original);
    if (wrong !== undefined) {
      this.count("not so in the original");
      return void this.sameOutcome(original, rewritten);
    }
    this.count(command.kind);
    if (rewritten.fuel > 0n) this.count("calls that used fuel");
    const stays = wrongIn(command, rewritten);
    if (stays !== undefined && this.isExcused(pair.rewritten, rewritten)) return;
    if (stays !== undefined) this.fail(`${action.field}: ${stays}`);
    else if (original.kind === "trap" && "message" in rewritten && rewritten.message !== original.message) {
      this.fail(`${action.field}: traps with "${rewritten.message}" and not with "${original.message}"`);
    }
    if (rewritten.kind === "engineStack") this.count("stack limits of the engine");
  }

  /** What only modules that share a memory or a table with another can meet. */
  private isExcused(member: Member, outcome: Outcome): boolean {
    if (outcome.kind === "memory" && member.importsMemory) this.count("excused: the maximum of an imported memory");
    else if (outcome.kind === "trap" && outcome.message === "unreachable" && this.rewritten.hasOrphans) {
      this.count("excused: a function of an instance that failed");
    } else return false;
    return true;
  }

  /** What is expected of nothing, or cannot hold because a module before it was refused. */
  private sameOutcome(original: Outcome, rewritten: Outcome): void {
    const [one, other] = [textOf(original), textOf(rewritten)];
    if (one !== other) this.fail(`${one}, rewritten ${other}`);
  }

  private moduleAssertion({ kind, module }: ModuleAssertion): void {
    if (module.standing === "unread") return void this.count(`${kind}: text that cannot be assembled`);
    if (kind === "unlinkable" || kind === "moduleTrap") return void this.failingModule(kind, module);
    if (this.alone) return;
    if (module.standing === "runs") return void this.count(`${kind}: the assembler made it valid`);
    if (refusalOf(module.bytes) === undefined) this.fail(`${kind}, and accepted`);
    this.count(kind);
  }

  /** It may have written to what it imports before it failed. */
  private failingModule(kind: "unlinkable" | "moduleTrap", { standing, bytes }: Assembled): void {
    if (standing === "refused") return void this.mustRefuse(bytes);
    const portable = standing === "runs";
    if (this.alone ? !portable : !webAssembly.validate(bytes)) return void this.count("modules of newer engines");
    const original = this.alone ? undefined : this.original.instantiate(bytes, portable);
    const rewritten = this.rewritten.instantiate(bytes, portable);
    if (original === undefined) return;
    const wanted = kind === "unlinkable" ? "link" : "trap";
    if (original instanceof Member || original.kind !== wanted) {
      return void this.count(`${kind}: not so in the original`);
    }
    if (rewritten instanceof Member || rewritten.kind !== wanted) this.fail(`${kind}: ${textOf(rewritten)}`);
    this.count(kind);
  }
}

/** Why a module was refused; undefined if it was not. Another error than a refusal is thrown on. */
export function refusalOf(bytes: Uint8Array): string | undefined {
  try {
    rewriteForSuite(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof LlmdbError && error.code === "LLMDB_WASM_REFUSED") return error.message;
    throw error;
  }
}

/** What does not hold of an assertion. */
function wrongIn(command: Assertion, outcome: Outcome): string | undefined {
  if (command.kind === "act") return undefined;
  if (command.kind === "trap") return outcome.kind === "trap" ? undefined : `no trap but ${textOf(outcome)}`;
  if (command.kind === "exhaustion") {
    return outcome.kind === "stack" || outcome.kind === "engineStack" ? undefined : `not deep: ${textOf(outcome)}`;
  }
  if (outcome.kind !== "values") return textOf(outcome);
  const { values } = outcome;
  const { expected } = command;
  const right = values.length === expected.length && expected.every((any, index) => some(any, values[index]));
  return right ? undefined : `${values.map(describe)}, not ${expected.map((any) => any.map(describe).join("|"))}`;
}

function some(patterns: readonly Pattern[], value: Value): boolean {
  return patterns.some((pattern) => matches(pattern, value));
}

function describe(value: Value | Pattern): string {
  return `${value.type}:${"bits" in value ? value.bits.toString(16) : value.ref}`;
}

function textOf(outcome: Outcome | Member | undefined): string {
  if (outcome === undefined || outcome instanceof Member) return "an instance";
  return outcome.kind === "values"
    ? `the values ${outcome.values.map(describe)}`
    : `${outcome.kind} ${outcome.message}`;
}
