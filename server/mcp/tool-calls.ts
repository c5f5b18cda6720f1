/**
 * Calls of tools over one connection. Guarantees: whatever is asked, there is a result, and where something is wrong it
 * says what, in the words of the reference server where that has any.
 */

import { countTokens } from "../../memory/tokens.js";
import { LlmdbError } from "../../pager/error.js";
import { DEFAULT_MAX_TOKENS, fitText, LEAST_MAX_TOKENS } from "./budget.js";
import { enabledGroup, listOfTools, noSuchTool, readOtherRequest, schemaOfTool } from "./other-tools.js";
import { check, isObject } from "./schema.js";
import type { Callable } from "./service.js";
import { originalText } from "./surrogates.js";
import { errorResult, type Tool, type ToolListing, type ToolResult } from "./tool.js";
import { OTHER_TOOLS, type ToolGroup } from "./tool-selection.js";
import type { Toolbox, ToolPage } from "./toolbox.js";

/** The code of JSON-RPC for wrong parameters, as the SDK writes it into texts. */
const INVALID_PARAMS = -32602;
const LONGEST_NAME = 200;

/** Who calls. */
export interface Caller {
  readonly scope?: string;
  readonly client?: string;
}

export class Tools {
  readonly #box: Toolbox;
  /** Groups that this connection has put on its list. */
  readonly #enabled = new Set<ToolGroup>();
  readonly #listChanged: () => void;

  /** @param listChanged is called when there is more on the list */
  constructor(box: Toolbox, listChanged: () => void = () => {}) {
    this.#box = box;
    this.#listChanged = listChanged;
  }

  /** A page of the list; undefined for a cursor that this server has not given. */
  page(cursor?: string): ToolPage | undefined {
    return this.#box.page(cursor, this.#enabled);
  }

  /** Runs a tool. Never throws. */
  async call(service: Callable, name: string, given: unknown, from: Caller): Promise<ToolResult> {
    const { others } = this.#box;
    if (others !== undefined && name === OTHER_TOOLS) return this.#other(others, service, given, from);
    const tool = this.#box.get(name);
    return tool === undefined ? this.#missing(name) : this.#run(tool, service, given, from);
  }

  async #other(listing: ToolListing, service: Callable, given: unknown, from: Caller): Promise<ToolResult> {
    const request = readOtherRequest(listing, given);
    if ("problems" in request) return refusal(OTHER_TOOLS, request.problems);
    const { groups } = this.#box;
    if (request.asks === "list") return listOfTools(groups);
    if (request.asks === "enable") return this.#enable(request.group);
    const tool = this.#box.get(request.name);
    if (tool === undefined) {
      const why = this.#box.whyHidden(request.name);
      return why === undefined ? noSuchTool(request.name, groups) : errorResult(why);
    }
    return request.asks === "schema" ? schemaOfTool(tool) : this.#run(tool, service, request.given, from);
  }

  #enable(group: ToolGroup): ToolResult {
    const found = this.#box.groups.find((one) => one.group === group);
    if (found === undefined) return noSuchTool(group, this.#box.groups);
    if (!this.#enabled.has(group)) {
      this.#enabled.add(group);
      this.#listChanged();
    }
    return enabledGroup(found);
  }

  async #run(tool: Tool, service: Callable, given: unknown, from: Caller): Promise<ToolResult> {
    const { name } = tool.listing;
    const checked = check(tool.input, given ?? {}, tool.strictness);
    if ("problems" in checked) {
      const isStrict = tool.strictness === "strict";
      return bounded(tool, given, isStrict ? mcpRefusal(name, checked.problems) : refusal(name, checked.problems));
    }
    try {
      return tool.result(await service.call(name, { ...from, arguments: checked.value }));
    } catch (error) {
      return bounded(tool, given, errorResult(messageOf(error)));
    }
  }

  #missing(name: string): ToolResult {
    const why = this.#box.whyHidden(name);
    if (why !== undefined) return errorResult(why);
    // The reference server looks names up in an object, whose inherited members are no enabled tools to it.
    const what = name in {} ? "disabled" : "not found";
    return errorResult(mcpError(`Tool ${name.slice(0, LONGEST_NAME)} ${what}`));
  }
}

/** Errors of the memory's own tools keep to the budget too. */
function bounded({ strictness }: Tool, given: unknown, result: ToolResult): ToolResult {
  if (strictness === "strict") return result;
  const asked = isObject(given) ? given.maxTokens : undefined;
  const budget = typeof asked === "number" && asked >= LEAST_MAX_TOKENS ? asked : DEFAULT_MAX_TOKENS;
  const [{ text }] = result.content;
  return countTokens(text) <= budget ? result : errorResult(fitText(text, budget));
}

function refusal(name: string, problems: readonly string[]): ToolResult {
  return errorResult(`LLMDB_INVALID_ARGUMENT: arguments of ${name}: ${problems.join("\n")}`);
}

/** In the words of the reference server. */
function mcpRefusal(name: string, problems: readonly string[]): ToolResult {
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
