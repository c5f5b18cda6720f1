/**
 * A tool as clients see it. Guarantees: the text of a result and its structured content say the same; a call that fails
 * has a result that says why, and never a structured content.
 */
import type { Schema, Strictness } from "./schema.js";

/** What a client may expect of a call. What is left out is the worst, as MCP says. */
export interface ToolHints {
  readonly readOnlyHint?: boolean;
  readonly destructiveHint?: boolean;
  readonly idempotentHint?: boolean;
  readonly openWorldHint: boolean;
}

export type ObjectSchema = Schema & { readonly type: "object" };

/** As `tools/list` shows it. */
export interface ToolListing {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: ObjectSchema;
  readonly outputSchema?: ObjectSchema;
  readonly annotations: ToolHints;
  readonly execution?: { readonly taskSupport: "forbidden" };
}

export interface Tool {
  /** What is shown of it, which may say less than what is checked. */
  readonly listing: ToolListing;
  /** By which its arguments are checked. */
  readonly input: ObjectSchema;
  readonly strictness: Strictness;
  /** All that a structured content can have. */
  readonly output: ObjectSchema;
  /** The result of a call, from the reply of the operation of the same name. */
  result(reply: unknown): ToolResult;
}

/** What `tools/call` returns. A type, because the SDK wants to be able to add members. */
export type ToolResult = {
  content: { type: "text"; text: string }[];
  structuredContent?: { [name: string]: unknown };
  isError?: true;
};

export function textResult(text: string, structuredContent: { [name: string]: unknown }): ToolResult {
  return { content: [{ type: "text", text }], structuredContent };
}

export function errorResult(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}
