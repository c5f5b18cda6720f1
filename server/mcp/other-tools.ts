/**
 * The tool that leads to the others: it lists them, shows the schema of one, calls it, or puts a group on the list of
 * tools. Guarantees: a call through it is checked, done and answered as a direct one; clients that never ask for the
 * list again reach everything by it all the same.
 */

import { object } from "./native-tool.js";
import { check, isObject, type JsonObject } from "./schema.js";
import { errorResult, type Tool, type ToolListing, type ToolResult } from "./tool.js";
import { OTHER_TOOLS, type ToolGroup } from "./tool-selection.js";

/** The tools of a group that can be called. */
export interface GroupOfTools {
  readonly group: ToolGroup;
  readonly tools: readonly Tool[];
}

/** What a call asks for. */
export type OtherRequest =
  | { readonly asks: "list" }
  | { readonly asks: "schema"; readonly name: string }
  | { readonly asks: "call"; readonly name: string; readonly given: unknown }
  | { readonly asks: "enable"; readonly group: ToolGroup };

const LONGEST_NAME = 200;

/** @param started what stands next to it in the start set */
export function otherToolsListing(groups: readonly GroupOfTools[], started: readonly string[]): ToolListing {
  const parts = groups.map(({ group, tools }) => {
    const names = tools.map(({ listing }) => listing.name).filter((name) => !started.includes(name));
    return group === "memory" ? names.join(", ") : `${group} (${names[0]}, …)`;
  });
  return {
    name: OTHER_TOOLS,
    description:
      `The other tools: ${parts.join("; ")}. Without name: lists them; with name: its schema; ` +
      "with name and arguments: calls it.",
    inputSchema: object({
      name: { type: "string" },
      arguments: { type: "object" },
      enable: { type: "string", enum: groups.map(({ group }) => group), description: "Adds this group to your tools" },
    }),
    // As the worst of those that it calls.
    annotations: groups.every(({ tools }) => tools.every(({ listing }) => listing.annotations.readOnlyHint))
      ? { readOnlyHint: true, openWorldHint: false }
      : { openWorldHint: false },
  };
}

/** What is asked for, or what is wrong with that. */
export function readOtherRequest(listing: ToolListing, given: unknown): OtherRequest | { readonly problems: string[] } {
  const checked = check(listing.inputSchema, given ?? {}, "loose");
  if ("problems" in checked) return { problems: [...checked.problems] };
  const { name, arguments: inner, enable } = isObject(checked.value) ? checked.value : {};
  if (isGroup(enable)) return { asks: "enable", group: enable };
  if (typeof name !== "string" || name === "") return { asks: "list" };
  return inner === undefined ? { asks: "schema", name } : { asks: "call", name, given: inner };
}

/** A line for each tool, under the name of its group. */
export function listOfTools(groups: readonly GroupOfTools[]): ToolResult {
  const parts = groups.map(({ group, tools }) =>
    [group, ...tools.map(({ listing: { name, description } }) => `  ${name}: ${description}`)].join("\n"),
  );
  return textOf(parts.join("\n"));
}

export function schemaOfTool({ listing: { name, description, inputSchema } }: Tool): ToolResult {
  return textOf(JSON.stringify({ name, description, arguments: inputSchema } satisfies JsonObject));
}

export function enabledGroup({ group, tools }: GroupOfTools): ToolResult {
  const names = tools.map(({ listing }) => listing.name).join(", ");
  return textOf(
    `listed from now on, of ${group}: ${names}. Where your list does not show them, call them by name here.`,
  );
}

export function noSuchTool(name: string, groups: readonly GroupOfTools[]): ToolResult {
  const names = groups.flatMap(({ tools }) => tools.map(({ listing }) => listing.name)).join(", ");
  return errorResult(
    `LLMDB_NOT_FOUND: there is no tool ${JSON.stringify(name.slice(0, LONGEST_NAME))}; there are ${names}`,
  );
}

function textOf(text: string): ToolResult {
  return { content: [{ type: "text", text }] };
}

function isGroup(value: unknown): value is ToolGroup {
  return value === "memory" || value === "graph" || value === "modules";
}
