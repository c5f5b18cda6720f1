/**
 * What the tools that are no copies of the reference server's have in common. Guarantees: arguments that a schema does
 * not name are refused; the text of a result is its structured content, in one line.
 */
import { DEFAULT_MAX_TOKENS, LEAST_MAX_TOKENS, MOST_TOKENS } from "./budget.js";
import { isObject, type Schema } from "./schema.js";
import { type Tool, type ToolHints, textResult } from "./tool.js";

export type Properties = { readonly [name: string]: Schema };

/** The point that is asked about. */
export const AT: Properties = {
  validAt: text("About this time: ISO 8601. Default: now", 40),
  knownAt: text("As it was known at this time: ISO 8601. Default: now. Give knownAt or tx, not both", 40),
  tx: { type: "integer", minimum: 0, description: "As it was known after this transaction" },
};
/** How long a reply may be. */
export const BUDGET: Properties = {
  maxTokens: {
    type: "integer",
    minimum: LEAST_MAX_TOKENS,
    maximum: MOST_TOKENS,
    default: DEFAULT_MAX_TOKENS,
    description: "The reply takes at most so many tokens; what does not fit is cut, and marked",
  },
};

export function tool(
  name: string,
  title: string,
  description: string,
  input: Properties,
  required: readonly string[],
  outputSchema: Schema & { readonly type: "object" },
  annotations: ToolHints,
): Tool {
  const inputSchema = object(input, required);
  return { listing: { name, title, description, inputSchema, outputSchema, annotations }, result: compact };
}

/** One line of JSON: white space takes tokens and says nothing. */
function compact(reply: unknown) {
  return textResult(JSON.stringify(reply), isObject(reply) ? { ...reply } : {});
}

export function object(
  properties: Properties,
  required: readonly string[],
  description?: string,
): Schema & { readonly type: "object" } {
  const about = description === undefined ? {} : { description };
  const needed = required.length === 0 ? {} : { required };
  return { type: "object", ...about, properties, ...needed, additionalProperties: false };
}

export function list(items: Schema): Schema {
  return { type: "array", items };
}

export function text(description: string, maxLength: number, minLength?: number): Schema {
  return { type: "string", description, maxLength, ...(minLength === undefined ? {} : { minLength }) };
}
