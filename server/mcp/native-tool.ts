/**
 * What the tools that are no copies of the reference server's have in common. Guarantees: arguments that a schema does
 * not name are refused; the text of a result is its structured content, in one line; hints say the worst that a tool
 * can do.
 */
import { briefInput, briefOutput } from "./brief.js";
import { DEFAULT_MAX_TOKENS, LEAST_MAX_TOKENS, MOST_TOKENS } from "./budget.js";
import { isObject, type Properties, type Schema } from "./schema.js";
import { type ObjectSchema, type Tool, type ToolHints, textResult } from "./tool.js";

/** Hints of a tool that reads. */
export const READS: ToolHints = { readOnlyHint: true, openWorldHint: false };
/** Hints of a tool that writes and takes nothing away. */
export const ADDS: ToolHints = { destructiveHint: false, openWorldHint: false };
/** Hints of a tool that can take something away. */
export const REMOVES: ToolHints = { openWorldHint: false };

/** The point that is asked about. */
export const AT: Properties = {
  validAt: text("About this time; default now", 100),
  knownAt: text("As known at this time; default now", 100),
  tx: { type: "integer", minimum: 0, description: "As known after this transaction, in place of knownAt" },
};
/** How long a reply may be. */
export const BUDGET: Properties = {
  maxTokens: {
    type: "integer",
    minimum: LEAST_MAX_TOKENS,
    maximum: MOST_TOKENS,
    default: DEFAULT_MAX_TOKENS,
  },
};

/** A tool as it is written down. */
export interface NativeTool {
  readonly name: string;
  readonly description: string;
  readonly input: Properties;
  /** Arguments that must be given. */
  readonly required?: readonly string[];
  readonly output: ObjectSchema;
  readonly hints: ToolHints;
}

export function tool({ name, description, input, required = [], output, hints }: NativeTool): Tool {
  const whole = object(input, required);
  return {
    listing: {
      name,
      description,
      inputSchema: briefInput(whole),
      outputSchema: briefOutput(output),
      annotations: hints,
    },
    input: whole,
    strictness: "loose",
    output,
    result: compact,
  };
}

/** One line of JSON: white space takes tokens and says nothing. */
export function compact(reply: unknown) {
  return textResult(JSON.stringify(reply), isObject(reply) ? { ...reply } : {});
}

export function object(properties: Properties, required: readonly string[] = [], description?: string): ObjectSchema {
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
