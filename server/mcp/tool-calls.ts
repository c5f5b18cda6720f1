/**
 * Calls of tools. Guarantees: whatever is asked, there is a result, and where something is wrong it says what, in the
 * words of the reference server where that has any.
 */

import { countTokens } from "../../memory/tokens.js";
import { LlmdbError } from "../../pager/error.js";
import { DEFAULT_MAX_TOKENS, fitText, LEAST_MAX_TOKENS } from "./budget.js";
import { graphTools } from "./graph-tools.js";
import { memoryTools } from "./memory-tools.js";
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
}

export class Tools {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #hidden: ReadonlySet<string>;
  readonly #native: ReadonlySet<Tool>;

  constructor({ tools, readOnly }: ToolOptions) {
    const all = [...(tools === "native" ? [] : graphTools), ...(tools === "compat" ? [] : memoryTools)];
    const usable = all.filter(({ listing }) => !readOnly || listing.annotations.readOnlyHint);
    this.#tools = new Map(usable.map((tool) => [tool.listing.name, tool]));
    this.#hidden = new Set(all.filter((tool) => !usable.includes(tool)).map(({ listing }) => listing.name));
    this.#native = new Set(memoryTools);
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
    if (!this.#hidden.has(name)) {
      // The reference server looks names up in an object, whose inherited members are no enabled tools to it.
      const why = name in {} ? "disabled" : "not found";
      return errorResult(mcpError(`Tool ${name.slice(0, LONGEST_NAME)} ${why}`));
    }
    return errorResult(`LLMDB_READ_ONLY: ${name} writes, and this server was started with --read-only`);
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
