/**
 * A tool as clients see it. Guarantees: the text of a result and its structured content say the same; a call that fails
 * has a result that says why, and never a structured content.
 */
import type { Schema } from "./schema.js";

/** What a client may expect of a call. */
export interface ToolHints {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** As `tools/list` shows it. */
export interface ToolListing {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: Schema & { readonly type: "object" };
  readonly outputSchema: Schema & { readonly type: "object" };
  readonly annotations: ToolHints;
  readonly execution?: { readonly taskSupport: "forbidden" };
}

export interface Tool {
  readonly listing: ToolListing;
  /** The result of a call, from the reply of the operation of the same name. */
  result(reply: unknown): ToolResult;
}

/** What `tools/call` returns. A type, because the SDK wants to be able to add members. */
export type ToolResult = {
  content: { type: "text"; text: string }[];
  structuredContent?: { [name: string]: unknown };
  isError?: true;
};

export const READS: ToolHints = {
  readOnlyHint: true,
  destructiveHint: false,
  idempotentHint: true,
  openWorldHint: false,
};

/** Hints of a tool that writes. */
export function writes(how: { destructive: boolean; idempotent: boolean }): ToolHints {
  return {
    readOnlyHint: false,
    destructiveHint: how.destructive,
    idempotentHint: how.idempotent,
    openWorldHint: false,
  };
}

export function textResult(text: string, structuredContent: { [name: string]: unknown }): ToolResult {
  return { content: [{ type: "text", text }], structuredContent };
}

export function errorResult(text: string): ToolResult {
  return { content: [{ type: "text", text }], isError: true };
}
