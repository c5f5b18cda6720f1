/**
 * Calls of tools. Guarantees: whatever is asked, there is a result, and where something is wrong it says what, in the
 * words of the reference server where that has any.
 */

import { countTokens } from "../../memory/tokens.js";
import { LlmdbError } from "../../pager/error.js";
import { DEFAULT_MAX_TOKENS, fitText, LEAST_MAX_TOKENS } from "./budget.js";
import { graphTools } from "./graph-tools.js";
import { memoryTools } from "./memory-tools.js";
import { moduleTools } from "./module-tools.js";
import { check, isObject } from "./schema.js";
import type { Callable } from "./service.js";
import { originalText } from "./surrogates.js";
import { errorResult, type Tool, type ToolListing, type ToolResult } from "./tool.js";

/** Which tools there are. */
export type ToolSet = "compat" | "native" | "all";

/** The code of JSON-RPC for wrong parameters, as the SDK writes it into texts. */
const INVALID_PARAMS = -32602;
const LONGEST_NAME = 200;

export interface ToolOptions {
  readonly tools: ToolSet;
  /** Tools that write are not there. */
  readonly readOnly: boolean;
  /** Whether modules can be stored. Default: not. */
  readonly allowModules?: boolean;
  /** Tools that reach beyond a scope are not there. */
  readonly scope?: string;
}

/** What no scope bounds. */
const UNSCOPED: readonly string[] = ["module_put", "module_run"];

export class Tools {
  readonly #tools: ReadonlyMap<string, Tool>;
  /** Why a tool is not there. */
  readonly #hidden: ReadonlyMap<string, string>;
  readonly #native: ReadonlySet<Tool>;

  constructor(options: ToolOptions) {
    const { tools } = options;
    const native = [...memoryTools, ...moduleTools];
    const all = [...(tools === "native" ? [] : graphTools), ...(tools === "compat" ? [] : native)];
    const usable = new Map<string, Tool>();
    const hidden = new Map<string, string>();
    for (const tool of all) {
      const { name } = tool.listing;
      const why = whyHidden(tool, options);
      if (why === undefined) usable.set(name, tool);
      else hidden.set(name, why);
    }
    this.#tools = usable;
    this.#hidden = hidden;
    this.#native = new Set(native);
  }

  get listings(): ToolListing[] {
    return [...this.#tools.values()].map(({ listing }) => listing);
  }

  /** Runs a tool. Never throws. */
  async call(service: Callable, name: string, given: unknown, from: { scope?: string; client?: string }) {
    const tool = this.#tools.get(name);
    if (tool === undefined) return this.#missing(name);
    const checked = check(tool.listing.inputSchema, given ?? {});
    if ("problems" in checked) return this.#bounded(tool, given, invalidArguments(name, checked.problems));
    try {
      return tool.result(await service.call(name, { ...from, arguments: checked.value }));
    } catch (error) {
      return this.#bounded(tool, given, errorResult(messageOf(error)));
    }
  }

  #missing(name: string): ToolResult {
    const why = this.#hidden.get(name);
    if (why === undefined) {
      // The reference server looks names up in an object, whose inherited members are no enabled tools to it.
      const what = name in {} ? "disabled" : "not found";
      return errorResult(mcpError(`Tool ${name.slice(0, LONGEST_NAME)} ${what}`));
    }
    return errorResult(why);
  }

  /** Errors of the memory's own tools keep to the budget too. */
  #bounded(tool: Tool, given: unknown, result: ToolResult): ToolResult {
    if (!this.#native.has(tool)) return result;
    const asked = isObject(given) ? given.maxTokens : undefined;
    const budget = typeof asked === "number" && asked >= LEAST_MAX_TOKENS ? asked : DEFAULT_MAX_TOKENS;
    const [{ text }] = result.content;
    return countTokens(text) <= budget ? result : errorResult(fitText(text, budget));
  }
}

/** Why a tool is not there; undefined where it is. */
function whyHidden({ listing: { name, annotations } }: Tool, options: ToolOptions): string | undefined {
  if (options.readOnly && !annotations.readOnlyHint) {
    return `LLMDB_READ_ONLY: ${name} writes, and this server was started with --read-only`;
  }
  if (name === "module_put" && options.allowModules !== true) {
    return `LLMDB_READ_ONLY: ${name} stores code, and this server was started without --allow-modules`;
  }
  if (options.scope !== undefined && UNSCOPED.includes(name)) {
    return `LLMDB_UNSUPPORTED: ${name} reaches the whole database, and this server was started with --scope`;
  }
  return undefined;
}

function invalidArguments(name: string, problems: readonly string[]): ToolResult {
  return errorResult(mcpError(`Input validation error: Invalid arguments for tool ${name}: ${problems.join("\n")}`));
}

function mcpError(text: string): string {
  return `MCP error ${INVALID_PARAMS}: ${text}`;
}

/** The code first, so that a program can tell errors apart. */
export function messageOf(error: unknown): string {
  // A message can quote a text as it is stored.
  const message = originalText(error instanceof Error ? error.message : String(error));
  return error instanceof LlmdbError ? `${error.code}: ${message}` : message;
}
