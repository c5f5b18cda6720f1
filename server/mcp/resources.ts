/**
 * The resources: the graph as the reference server shows it, and views of the memory. Guarantees: reading changes
 * nothing; an unknown address is an error in the words of the reference server.
 */
import { LlmdbError } from "../../pager/error.js";
import { ABI_TEXT, ABI_URI } from "./module-abi.js";
import type { Callable } from "./service.js";
import type { ToolGroup } from "./tool-selection.js";

export const GRAPH_URI = "memory://knowledge-graph";
const STATUS_URI = "memory://status";
const CHANGES_URI = "memory://changes";
const RECORD_URI = /^memory:\/\/record\/([^/?#]+)(\/history)?$/;
const JSON_TYPE = "application/json";
const MARKDOWN_TYPE = "text/markdown";

export interface ResourceListing {
  readonly uri: string;
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly mimeType: string;
}

export interface TemplateListing extends Omit<ResourceListing, "uri"> {
  readonly uriTemplate: string;
}

/** What a resource says. */
export interface ResourceText {
  readonly mimeType: string;
  readonly text: string;
}

/** What a resource is read by. */
interface View {
  readonly method: string;
  readonly args: { readonly [name: string]: unknown };
  /** Spaces of each level. */
  readonly indent: number;
}

const GRAPH: ResourceListing = {
  uri: GRAPH_URI,
  name: "knowledge-graph",
  title: "Knowledge Graph",
  description: "The full knowledge graph with all entities and relations",
  mimeType: JSON_TYPE,
};
const VIEWS: readonly ResourceListing[] = [
  {
    uri: STATUS_URI,
    name: "status",
    title: "Status",
    description: "How much is remembered, and the last transaction",
    mimeType: JSON_TYPE,
  },
  {
    uri: CHANGES_URI,
    name: "changes",
    title: "Latest Changes",
    description: "The newest transactions: what was changed, when, by whom and why",
    mimeType: JSON_TYPE,
  },
  {
    uri: ABI_URI,
    name: "modules-abi",
    title: "Writing a Module",
    description: "The calling convention of WebAssembly modules, with a complete example",
    mimeType: MARKDOWN_TYPE,
  },
];
const TEMPLATES: readonly TemplateListing[] = [
  {
    uriTemplate: "memory://record/{id}",
    name: "record",
    title: "Record",
    description: "Why a record is believed, with its source and what it replaced",
    mimeType: JSON_TYPE,
  },
  {
    uriTemplate: "memory://record/{id}/history",
    name: "history",
    title: "History of a Record",
    description: "All versions of a record, oldest first",
    mimeType: JSON_TYPE,
  },
];

export class Resources {
  readonly #hasGraph: boolean;
  readonly #hasViews: boolean;

  /** @param groups those whose tools can be called */
  constructor(groups: readonly ToolGroup[]) {
    this.#hasGraph = groups.includes("graph");
    this.#hasViews = groups.some((group) => group !== "graph");
  }

  get listings(): ResourceListing[] {
    return [...(this.#hasGraph ? [GRAPH] : []), ...(this.#hasViews ? VIEWS : [])];
  }

  get templates(): TemplateListing[] {
    return this.#hasViews ? [...TEMPLATES] : [];
  }

  /** What a resource says; undefined where there is none. Throws what the service throws besides. */
  async read(service: Callable, uri: string, scope: string | undefined): Promise<ResourceText | undefined> {
    if (!URL.canParse(uri)) return undefined;
    const { href } = new URL(uri);
    if (href === ABI_URI && this.#hasViews) return { mimeType: MARKDOWN_TYPE, text: ABI_TEXT };
    const view = this.#view(href);
    if (view === undefined) return undefined;
    const from = scope === undefined ? {} : { scope };
    try {
      const reply = await service.call(view.method, { ...from, arguments: view.args });
      return { mimeType: JSON_TYPE, text: JSON.stringify(reply, null, view.indent) };
    } catch (error) {
      if (error instanceof LlmdbError && error.code === "LLMDB_NOT_FOUND") return undefined;
      throw error;
    }
  }

  #view(uri: string): View | undefined {
    if (uri === GRAPH_URI && this.#hasGraph) return { method: "read_graph", args: {}, indent: 2 };
    if (!this.#hasViews) return undefined;
    if (uri === STATUS_URI) return { method: "status", args: {}, indent: 0 };
    if (uri === CHANGES_URI) return { method: "transactions", args: {}, indent: 0 };
    const [, encoded, history] = RECORD_URI.exec(uri) ?? [];
    const id = encoded === undefined ? undefined : decoded(encoded);
    if (id === undefined) return undefined;
    return { method: history === undefined ? "explain" : "history", args: { id }, indent: 0 };
  }
}

/** Undefined for what no percent-encoding gives. */
function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
