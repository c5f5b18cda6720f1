/**
 * The operations on modules: storing, explaining and running them. Guarantees: no reply takes more tokens than
 * `maxTokens`; a module that is run only reads, and may use less than a program may grant; nothing but explaining a
 * module that is handed over works within a scope, because maps and modules have none.
 */

import type { Key } from "../../engine/key.js";
import type { PrefixBound, Range } from "../../engine/range.js";
import type { Memory } from "../../memory/memory.js";
import { LlmdbError } from "../../pager/error.js";
import type { CallOptions } from "../../wasm/call-options.js";
import type { ModuleExplanation } from "../../wasm/explanation.js";
import { CAPABILITIES, type Capability } from "../../wasm/module-surface.js";
import type { Modules, PagesOf, StoredModule } from "../../wasm/modules.js";
import type { Usage } from "../../wasm/page-call.js";
import { bytesOfText } from "../../wasm/text-format.js";
import { type Arguments, optional } from "./arguments.js";
import { budgetOf, fitReply } from "./budget.js";
import { ABI_TEXT } from "./module-abi.js";
import type { Operation, Operations } from "./operation.js";
import { isResultForm, RESULT_FORMS, type ResultForm, requireWholeNumbers, resultAs } from "./result-form.js";
import { RUN_LIMITS } from "./run-limits.js";
import type { JsonObject } from "./schema.js";
import { timeMember } from "./time-text.js";

type PageCall = "map_pages" | "reduce_pages";
/** What a module gave out: its beginning, as far as any form could show it, and all of its length. */
type Output = Usage & { readonly start: Uint8Array; readonly bytes: number };

/** No form shows more bytes for a token. */
const BYTES_PER_TOKEN = 4;
/** Modules that are listed alongside the calling convention. */
const MOST_LISTED = 20;
const MOST_LOG_LINES = 100;
const MOST_LOG_CHARACTERS = 1000;

export const moduleOperations: Operations = new Map<string, Operation>([
  ["module_put", { writes: "alone", run: put }],
  ["module_explain", { writes: false, run: explain }],
  ["module_run", { writes: false, run: runPages }],
]);

/** Asked again, it finds what it has done: nothing is written twice. */
async function put(memory: Memory, args: Arguments, modules: Modules): Promise<JsonObject> {
  requireUnscoped(memory, "module_put");
  const source = await requiredSource(args);
  const name = args.text("name");
  const capabilities = capabilitiesOf(args.texts("capabilities") ?? []);
  const { hash } = modules.explain(source);
  const known = newest(modules.list().filter((one) => one.name === (name ?? hash) && !one.revoked))[0];
  const isSame =
    known?.hash === hash &&
    CAPABILITIES.every((one) => known.capabilities.includes(one) === capabilities.includes(one));
  const stored = isSame ? known : await modules.put(source, optional({ name, capabilities }));
  return fitReply(storedJson(stored), budgetOf(args));
}

function newest(modules: StoredModule[]): StoredModule[] {
  return modules.sort((a, b) => b.tx - a.tx);
}

async function explain(memory: Memory, args: Arguments, modules: Modules): Promise<JsonObject> {
  const named = args.text("module");
  const source = await sourceOf(args);
  if (named !== undefined && source !== undefined) throw wrong("give module, wat or base64, one of them");
  const budget = budgetOf(args);
  if (source !== undefined) return fitReply(explanationJson(modules.explain(source)), budget);
  if (named !== undefined) {
    requireUnscoped(memory, "a stored module");
    return fitReply(explanationJson(modules.explain(named)), budget);
  }
  const stored = memory.root === "" ? modules.list() : [];
  const shown = newest(stored).slice(0, MOST_LISTED).map(storedJson);
  return fitReply({ count: stored.length, modules: shown, abi: ABI_TEXT }, budget);
}

async function runPages(memory: Memory, args: Arguments, modules: Modules): Promise<JsonObject> {
  requireUnscoped(memory, "module_run");
  const module = args.requiredText("module");
  const form = formOf(args.text("output") ?? "hex");
  const budget = budgetOf(args);
  const call = callOf(modules, module, args.text("call"));
  const log: string[] = [];
  const options: CallOptions = {
    ...grantsOf(args),
    log: (text) => void (log.length < MOST_LOG_LINES && log.push(text.slice(0, MOST_LOG_CHARACTERS))),
  };
  const pages = pagesOf(args);
  const most = budget * BYTES_PER_TOKEN;
  const { start, bytes, fuelUsed, ...read } =
    call === "reduce_pages"
      ? await reduced(modules, module, pages, options, most)
      : await mapped(modules, module, pages, options, most);
  requireWholeNumbers(bytes, form);
  const isCut = start.length < bytes;
  const shown = form === "text" && isCut ? wholeCharacters(start) : start;
  const reply = optional({
    call,
    output: form,
    result: resultAs(shown, form),
    bytes,
    fuelUsed,
    ...read,
    log: log.length === 0 ? undefined : log,
    cut: isCut ? true : undefined,
  });
  return fitReply(reply, budget);
}

async function reduced(
  modules: Modules,
  module: string,
  pages: PagesOf,
  options: CallOptions,
  most: number,
): Promise<Output> {
  const { value, ...usage } = await modules.reducePages(module, pages, options);
  return { ...usage, start: value.subarray(0, most), bytes: value.length };
}

/** All of it is run, so that the figures are those of all of it; only what can be shown is kept. */
async function mapped(
  modules: Modules,
  module: string,
  pages: PagesOf,
  options: CallOptions,
  most: number,
): Promise<Output> {
  const stream = modules.mapPages(module, pages, options);
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of stream) {
    if (bytes < most) kept.push(piece.subarray(0, most - bytes));
    bytes += piece.length;
  }
  return { ...stream.usage, start: new Uint8Array(Buffer.concat(kept)), bytes };
}

/** Without the character at the end that was cut through. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  let end = bytes.length;
  for (let back = 1; back <= 4 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back];
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    if (back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2)) end = bytes.length - back;
    break;
  }
  return bytes.subarray(0, end);
}

/** What is neither bound to a scope nor can be shown within one. */
function requireUnscoped(memory: Memory, what: string): void {
  if (memory.root === "") return;
  throw wrong(`${what} reaches the whole database, and this server serves the scope "${memory.root}"`);
}

async function requiredSource(args: Arguments): Promise<Uint8Array> {
  const source = await sourceOf(args);
  if (source !== undefined) return source;
  throw wrong("give the module, as wat or base64");
}

async function sourceOf(args: Arguments): Promise<Uint8Array | undefined> {
  const wat = args.text("wat");
  const base64 = bytesIn(args, "base64");
  if (wat === undefined) return base64;
  if (base64 !== undefined) throw wrong("give wat or base64, not both");
  return bytesOfText(wat);
}

function bytesIn(args: Arguments, name: string): Uint8Array | undefined {
  const text = args.text(name);
  if (text === undefined) return undefined;
  const bytes = Buffer.from(text, "base64");
  const isWhole = bytes.toString("base64").replace(/=+$/, "") === text.replace(/\s|=+$/g, "");
  if (isWhole) return new Uint8Array(bytes);
  throw wrong(`${name} is bytes in base64`);
}

function capabilitiesOf(names: readonly string[]): Capability[] {
  if (names.every((name) => CAPABILITIES.some((known) => known === name))) {
    return CAPABILITIES.filter((known) => names.includes(known));
  }
  throw wrong(`capabilities is a list of ${CAPABILITIES.join(", ")}`);
}

function formOf(form: string): ResultForm {
  if (isResultForm(form)) return form;
  throw wrong(`output is one of ${RESULT_FORMS.join(", ")}`);
}

/** The call that is asked for, else the one that the module has. */
function callOf(modules: Modules, module: string, call: string | undefined): PageCall {
  if (call === "map_pages" || call === "reduce_pages") return call;
  if (call !== undefined) throw wrong("call is map_pages or reduce_pages");
  const explanation = modules.explain(module);
  const calls = explanation.accepted ? explanation.calls : [];
  return calls.includes("map_pages") && !calls.includes("reduce_pages") ? "map_pages" : "reduce_pages";
}

function grantsOf(args: Arguments): CallOptions {
  const { fuel, memoryBytes, timeoutMs } = RUN_LIMITS;
  const text = args.text("arg");
  const bytes = bytesIn(args, "argBase64");
  if (text !== undefined && bytes !== undefined) throw wrong("give arg or argBase64, not both");
  const arg = text === undefined ? bytes : new TextEncoder().encode(text);
  return {
    ...(arg !== undefined && { arg }),
    fuel: args.count("fuel", fuel.default, 1, fuel.most),
    memoryBytes: args.count("memoryBytes", memoryBytes.default, memoryBytes.least, memoryBytes.most),
    timeoutMs: args.count("timeoutMs", timeoutMs.default, 1, timeoutMs.most),
  };
}

function pagesOf(args: Arguments): PagesOf {
  const map = args.text("map");
  const partition = args.number("partition");
  const range: Range = optional({
    prefix: keyIn(args, "prefix"),
    gte: keyIn(args, "gte"),
    lt: keyIn(args, "lt"),
    gt: prefixIn(args, "gtPrefix"),
    lte: prefixIn(args, "ltePrefix"),
  });
  const { at } = args;
  if (map === undefined) {
    if (partition === undefined) throw wrong("say over which pages: map, or partition (0: the facts of this memory)");
    return { partition, range, at };
  }
  if (partition !== undefined) throw wrong("give map or partition, not both");
  if (Object.keys(at).length > 0) throw wrong("a map has no past; validAt, knownAt and tx go with partition");
  return { map, range };
}

function keyIn(args: Arguments, name: string): Key | undefined {
  const given = args.any(name);
  return given === undefined || given === null ? undefined : keyOf(given, name);
}

function prefixIn(args: Arguments, name: string): PrefixBound | undefined {
  const prefix = keyIn(args, name);
  return prefix === undefined ? undefined : { prefix };
}

function keyOf(value: unknown, name: string): Key {
  if (value === null || typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return value;
  }
  if (Array.isArray(value)) return value.map((element) => keyOf(element, name));
  throw wrong(`${name} is a key: a text, a number, true, false, null, or a list of those`);
}

function storedJson({ hash, name, capabilities, bytes, calls, tx, time, revoked }: StoredModule): JsonObject {
  return {
    hash,
    name,
    calls,
    capabilities,
    bytes,
    tx,
    ...timeMember("time", time),
    ...(revoked ? { revoked } : {}),
  };
}

function explanationJson(explanation: ModuleExplanation): JsonObject {
  const { hash, limits } = explanation;
  if (!explanation.accepted) {
    const { reason, offset, function: index } = explanation;
    return optional({ accepted: false, hash, reason, offset, function: index, limits });
  }
  const { calls, capabilities, info, rewrittenBytes } = explanation;
  const { bytes, imports, exports, features, memory, functions } = info;
  return optional({
    accepted: true,
    hash,
    calls,
    capabilities,
    bytes,
    rewrittenBytes,
    features,
    memory: memory === undefined ? undefined : optional({ minPages: memory.min, maxPages: memory.max }),
    imports: imports.map(({ module, name, signature }) => ({ name: `${module}.${name}`, signature })),
    exports: exports.map(({ name, kind, signature }) =>
      signature === "" ? { name, kind } : { name, kind, signature },
    ),
    functions: functions.map(({ index, name, bodyBytes, locals, units, stackUnits, hasLoops }) => ({
      index,
      ...(name === "" ? {} : { name }),
      bodyBytes,
      locals,
      fuel: units,
      stack: stackUnits,
      ...(hasLoops ? { hasLoops } : {}),
    })),
    limits,
  });
}

function wrong(message: string): LlmdbError {
  return new LlmdbError("LLMDB_INVALID_ARGUMENT", message);
}
