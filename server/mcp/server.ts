/**
 * The MCP server on a memory. Guarantees: one factory serves the revision of 2026-07-28 and the older handshakes; it
 * knows the memory by {@link Callable} alone, so that the memory can be in another process; a failing call never ends
 * the server.
 */
import {
  CLIENT_INFO_META_KEY,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerOptions,
  type Tool as WireTool,
} from "@modelcontextprotocol/server";
import { promptListings, promptText } from "./prompts.js";
import { GRAPH_URI, Resources } from "./resources.js";
import { isObject } from "./schema.js";
import type { Callable } from "./service.js";
import type { ToolListing } from "./tool.js";
import { type ToolSet, Tools } from "./tool-calls.js";

export interface McpOptions {
  readonly version: string;
  readonly tools: ToolSet;
  readonly readOnly: boolean;
  /** The scope beyond which clients see nothing. */
  readonly scope?: string;
  /** Whether clients may store modules. Default: not. */
  readonly allowModules?: boolean;
}

/** A server that is not connected yet. */
export interface McpMemory {
  readonly server: Server;
  /** Tells a client that has subscribed that the graph has changed. */
  graphChanged(): void;
}

const INSTRUCTIONS =
  "A memory that outlives conversations. Call recall before answering what may be known from earlier; call remember " +
  "for facts, decisions and preferences worth keeping. What has changed is remembered anew, not forgotten: the past " +
  "stays on record, and history, diff and explain show it.";

/** The SDK would make one for answers of users, which are not asked for here; making it takes time at the start. */
const NO_VALIDATOR: ServerOptions["jsonSchemaValidator"] = {
  getValidator: () => () => ({ valid: false, data: undefined, errorMessage: "nothing is asked of users here" }),
};

/** Makes a server of either era. */
export function createServer(service: Callable, options: McpOptions, era: "modern" | "legacy"): McpMemory {
  const { tools: set, version, scope } = options;
  const tools = new Tools(options);
  const resources = new Resources(set);
  const isNative = set !== "compat";
  const server = new Server(
    { name: "llmdb", version },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        ...(isNative ? { prompts: {} } : {}),
      },
      ...(isNative ? { instructions: INSTRUCTIONS } : {}),
      jsonSchemaValidator: NO_VALIDATOR,
    },
  );
  serveTools(server, service, tools, scope);
  serveResources(server, service, resources, scope);
  if (isNative) servePrompts(server);
  const subscribed = era === "legacy" ? serveSubscriptions(server, service) : undefined;
  return {
    server,
    graphChanged() {
      if (set === "native" || subscribed?.has(GRAPH_URI) === false) return;
      // A client that is gone is told nothing.
      server.sendResourceUpdated({ uri: GRAPH_URI }).catch(() => {});
    },
  };
}

function serveTools(server: Server, service: Callable, tools: Tools, scope: string | undefined): void {
  const listings = tools.listings.map(wireTool);
  server.setRequestHandler("tools/list", () => ({ tools: listings }));
  server.setRequestHandler("tools/call", ({ params }, { mcpReq }) => {
    // The newer revision names the client with each request, the older ones in the greeting.
    const client = clientIn(mcpReq.envelope) ?? server.getClientVersion()?.name;
    const from = { ...(scope === undefined ? {} : { scope }), ...(client === undefined ? {} : { client }) };
    return tools.call(service, params.name, params.arguments, from);
  });
}

/** The name of the client that a request gives. */
function clientIn(envelope: unknown): string | undefined {
  const about = isObject(envelope) ? envelope[CLIENT_INFO_META_KEY] : undefined;
  return isObject(about) && typeof about.name === "string" ? about.name : undefined;
}

/** A copy of its own, in the type of the SDK, whose members can be changed. */
function wireTool(listing: ToolListing): WireTool {
  return JSON.parse(JSON.stringify(listing));
}

function serveResources(server: Server, service: Callable, resources: Resources, scope: string | undefined): void {
  server.setRequestHandler("resources/list", () => ({ resources: resources.listings }));
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: resources.templates }));
  server.setRequestHandler("resources/read", async ({ params: { uri } }) => {
    const found = await resources.read(service, uri, scope);
    if (found === undefined) {
      const message = `MCP error ${ProtocolErrorCode.InvalidParams}: Resource ${uri.slice(0, 1000)} not found`;
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, message);
    }
    return { contents: [{ uri: new URL(uri).href, ...found }] };
  });
}

/** In the newer revision, the SDK keeps the subscriptions. */
function serveSubscriptions(server: Server, service: Callable): ReadonlySet<string> {
  const subscribed = new Set<string>();
  const most = 1000;
  server.setRequestHandler("resources/subscribe", async ({ params: { uri } }) => {
    if (subscribed.size < most) subscribed.add(uri);
    // Once this is answered, the process that has the database tells this one of all changes. Where it cannot be
    // reached, each call of a tool says so.
    await service.call("status", {}).catch(() => {});
    return {};
  });
  server.setRequestHandler("resources/unsubscribe", ({ params: { uri } }) => {
    subscribed.delete(uri);
    return {};
  });
  return subscribed;
}

function servePrompts(server: Server): void {
  server.setRequestHandler("prompts/list", () => ({
    prompts: promptListings.map((listing) => ({ ...listing, arguments: [...listing.arguments] })),
  }));
  server.setRequestHandler("prompts/get", ({ params }) => {
    const found = promptText(params.name, params.arguments ?? {});
    if ("problem" in found) throw new ProtocolError(ProtocolErrorCode.InvalidParams, found.problem);
    const { description, text } = found;
    return { description, messages: [{ role: "user", content: { type: "text", text } }] };
  });
}
