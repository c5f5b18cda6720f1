/**
 * The tools that a server has: which are listed, which can be called, and why the others are not there. Guarantees: it
 * is made once and serves any number of connections, which differ only in the groups that each has put on its list.
 */
import { graphTools } from "./graph-tools.js";
import { memoryTools } from "./memory-tools.js";
import { moduleTools } from "./module-tools.js";
import { type GroupOfTools, otherToolsListing } from "./other-tools.js";
import type { Tool, ToolListing } from "./tool.js";
import { reachOf, START_SET, TOOL_GROUPS, type ToolGroup, type ToolSelection } from "./tool-selection.js";

export interface ToolOptions {
  readonly tools: ToolSelection;
  /** Tools that write are not there. */
  readonly readOnly: boolean;
  /** Whether modules can be stored. Default: not. */
  readonly allowModules?: boolean;
  /** Tools that reach beyond a scope are not there. */
  readonly scope?: string;
}

/** A page of the list of tools. */
export interface ToolPage {
  readonly tools: readonly ToolListing[];
  /** Where more follow. */
  readonly nextCursor?: string;
}

const TOOLS: { readonly [G in ToolGroup]: readonly Tool[] } = {
  memory: memoryTools,
  graph: graphTools,
  modules: moduleTools,
};
/** What no scope bounds. */
const UNSCOPED: readonly string[] = ["module_put", "module_run"];
/** Of the page that follows the first one. */
const LATER = "later";

export class Toolbox {
  /** The groups that can be called, without what is hidden. */
  readonly groups: readonly GroupOfTools[];
  /** The tool that leads to the others; undefined where all are listed. */
  readonly others: ToolListing | undefined;
  readonly #selection: ToolSelection;
  readonly #byName = new Map<string, Tool>();
  /** Why a tool is not there. */
  readonly #hidden = new Map<string, string>();

  constructor(options: ToolOptions) {
    this.#selection = options.tools;
    const reach = reachOf(options.tools);
    const groups: GroupOfTools[] = [];
    for (const group of TOOL_GROUPS.filter((one) => reach.includes(one))) {
      const tools = TOOLS[group].filter((tool) => this.#admit(tool, options));
      if (tools.length > 0) groups.push({ group, tools });
    }
    this.groups = groups;
    this.others = options.tools.first.includes("start") ? otherToolsListing(groups, START_SET) : undefined;
  }

  #admit(tool: Tool, options: ToolOptions): boolean {
    const { name } = tool.listing;
    const why = whyHidden(tool, options);
    if (why === undefined) this.#byName.set(name, tool);
    else this.#hidden.set(name, why);
    return why === undefined;
  }

  get(name: string): Tool | undefined {
    return this.#byName.get(name);
  }

  /** Why a tool that a server can have is not there; undefined for a name of none. */
  whyHidden(name: string): string | undefined {
    return this.#hidden.get(name);
  }

  /**
   * A page of the list; undefined for a cursor of no page.
   *
   * @param enabled groups that the connection has put on its first page
   */
  page(cursor: string | undefined, enabled: ReadonlySet<ToolGroup>): ToolPage | undefined {
    const first = this.#first(enabled);
    const later = this.#selection.later.flatMap((group) => this.#ofGroup(group)).filter((one) => !first.includes(one));
    if (cursor === LATER) return { tools: later };
    if (cursor !== undefined) return undefined;
    return later.length === 0 ? { tools: first } : { tools: first, nextCursor: LATER };
  }

  #first(enabled: ReadonlySet<ToolGroup>): ToolListing[] {
    const listed = new Set<ToolListing>();
    for (const part of this.#selection.first) {
      for (const listing of part === "start" ? this.#startSet() : this.#ofGroup(part)) listed.add(listing);
    }
    for (const group of enabled) for (const listing of this.#ofGroup(group)) listed.add(listing);
    return [...listed];
  }

  #startSet(): ToolListing[] {
    const named = START_SET.flatMap((name) => this.#byName.get(name)?.listing ?? []);
    return this.others === undefined ? named : [...named, this.others];
  }

  #ofGroup(group: ToolGroup): ToolListing[] {
    return this.groups.find((one) => one.group === group)?.tools.map(({ listing }) => listing) ?? [];
  }
}

/** Why a tool is not there; undefined where it is. */
function whyHidden({ listing: { name, annotations } }: Tool, options: ToolOptions): string | undefined {
  if (options.readOnly && annotations.readOnlyHint !== true) {
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
