/**
 * Which tools a server shows: groups of them, or the start set, from which all the others can be reached. Guarantees:
 * what a selection does not name, and the start set does not reach, is not there.
 */

/** Tools that belong together. */
export type ToolGroup = "memory" | "graph" | "modules";

export interface ToolSelection {
  /** Listed at once, whether a client asks for further pages or not. `start` is the start set. */
  readonly first: readonly (ToolGroup | "start")[];
  /** Listed on the next page. */
  readonly later: readonly ToolGroup[];
}

export const TOOL_GROUPS: readonly ToolGroup[] = ["memory", "graph", "modules"];
/** What an agent needs in each conversation, and {@link OTHER_TOOLS}, which leads to the rest. */
export const START_SET: readonly string[] = ["recall", "remember", "history"];
/** The tool that lists the others and calls them. */
export const OTHER_TOOLS = "tools";

/** Names for several groups, or other names for one. */
const NAMES: { readonly [name: string]: ToolSelection["first"] } = {
  start: ["start"],
  memory: ["memory"],
  graph: ["graph"],
  modules: ["modules"],
  compat: ["graph"],
  native: ["memory", "modules"],
  all: ["graph", "memory", "modules"],
};

/** The start set at once, and the memory's other tools where a client asks for the next page. */
export const DEFAULT_TOOLS: ToolSelection = { first: ["start"], later: ["memory"] };
/** In the place of the reference memory server, its tools come first. */
export const REPLACEMENT_TOOLS: ToolSelection = { first: ["graph", "start"], later: ["memory"] };

/** The selection of a list such as `memory,modules`; undefined where it is not one. */
export function parseToolSelection(text: string): ToolSelection | undefined {
  const groups = text.split(",").map((name) => name.trim());
  if (!groups.every((name) => Object.hasOwn(NAMES, name))) return undefined;
  return { first: [...new Set(groups.flatMap((name) => NAMES[name]))], later: [] };
}

/** What {@link parseToolSelection} takes. */
export const SELECTION_NAMES: readonly string[] = Object.keys(NAMES);

/** The groups whose tools can be called. */
export function reachOf({ first, later }: ToolSelection): readonly ToolGroup[] {
  if (first.includes("start")) return TOOL_GROUPS;
  return TOOL_GROUPS.filter((group) => first.includes(group) || later.includes(group));
}
