/** Tools without a connection, by the names of `--tools`; and what a whole schema of results says of a reply. */
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/client/validators/ajv";
import type { Tool, ToolListing } from "../../server/mcp/tool.js";
import { Tools } from "../../server/mcp/tool-calls.js";
import { parseToolSelection, type ToolSelection } from "../../server/mcp/tool-selection.js";
import { Toolbox, type ToolOptions } from "../../server/mcp/toolbox.js";

/** What `--tools` makes of a text. */
export function selected(text: string): ToolSelection {
  const selection = parseToolSelection(text);
  if (selection === undefined) throw new Error(`no selection: ${text}`);
  return selection;
}

export function toolsOf(text: string, options: Partial<Omit<ToolOptions, "tools">> = {}): Tools {
  return new Tools(new Toolbox({ readOnly: false, ...options, tools: selected(text) }));
}

/** The first page of the list. */
export function listingsOf(text: string, options: Partial<Omit<ToolOptions, "tools">> = {}): readonly ToolListing[] {
  return toolsOf(text, options).page()?.tools ?? [];
}

/** What checks a structured content, by the listed schema and by the whole one: both must hold. */
export function outputCheck({ listing, output }: Tool): (content: unknown) => boolean {
  const provider = new AjvJsonSchemaValidator();
  const all = [listing.outputSchema, output].map((schema) => provider.getValidator(JSON.parse(JSON.stringify(schema))));
  return (content) => all.every((validate) => validate(content).valid);
}
