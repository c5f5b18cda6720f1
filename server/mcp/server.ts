/**
 * The MCP server on a memory. Guarantees: one factory serves the revision of 2026-07-28 and the older handshakes; it
 * knows the memory by {@link Callable} alone, so that the memory can be in another process; a failing call never ends
 * the server.
 */
import {
  CLIENT_INFO_META_KEY,
  type JSONRPCMessage,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type ServerOptions,
  type Tool as WireTool,
} from "@modelcontextprotocol/server";
import { promptListings, promptText } from "./prompts.js";
import { GRAPH_URI, Resources } from "./resources.js";
import { isObject } from "./schema.js";
import type { Callable } from "./service.js";
import type { ToolListing } from "./tool.js";
import { Tools } from "./tool-calls.js";
import { reachOf } from "./tool-selection.js";
import { Toolbox, type ToolOptions } from "./toolbox.js";

export interface McpOptions extends ToolOptions {
  readonly version: string;
}

/** A server that is not connected yet. */
export interface McpMemory {
  readonly server: Server;
  /** Tells a client that has subscribed that the graph has changed. */
  graphChanged(): void;
}

const INSTRUCTIONS =
  "A memory that outlives conversations. Call recall before answering what may be known from earlier; call remember " +
  "for facts, decisions and preferences worth keeping. What has changed is remembered again, not forgotten: the past " +
  "stays on record, and history, diff and explain show it.";

/** The SDK would make one for answers of users, which are not asked for here; making it takes time at the start. */
const NO_VALIDATOR: ServerOptions["jsonSchemaValidator"] = {
  getValidator: () => () => ({ valid: false, data: undefined, errorMessage: "nothing is asked of users here" }),
};

export type Era = "modern" | "legacy";

/** Returns what makes a server of either era. What all of them list is made once. */
export function serverMaker(service: Callable, options: McpOptions): (era: Era) => McpMemory {
  const box = new Toolbox(options);
  return (era) => createServer(service, options, box, era);
}

function createServer(service: Callable, options: McpOptions, box: Toolbox, era: Era): McpMemory {
  const { version, scope } = options;
  const reach = reachOf(options.tools);
  const resources = new Resources(reach);
  const isNative = reach.some((group) => group !== "graph");
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
  // A client that is gone is told nothing.
  const tools = new Tools(box, () => void server.sendToolListChanged().catch(() => {}));
  serveTools(server, service, tools, scope);
  serveResources(server, service, resources, scope);
  if (isNative) servePrompts(server);
  const subscribed = era === "legacy" ? serveSubscriptions(server, service) : undefined;
  return {
    server,
    graphChanged() {
      if (!reach.includes("graph") || subscribed?.has(GRAPH_URI) === false) return;
      // A client that is gone is told nothing.
      server.sendResourceUpdated({ uri: GRAPH_URI }).catch(() => {});
    },
  };
}

function serveTools(server: Server, service: Callable, tools: Tools, scope: string | undefined): void {
  server.setRequestHandler("tools/list", ({ params }) => {
    const page = tools.page(params?.cursor);
    if (page === undefined) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, "cursor is what the page before returned; leave it out");
    }
    return { ...page, tools: page.tools.map(wireTool) };
  });
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

const wireTools = new WeakMap<ToolListing, WireTool>();

/** A listing in the type of the SDK, whose members can be changed; copied once in a process. */
function wireTool(listing: ToolListing): WireTool {
  const known = wireTools.get(listing);
  if (known !== undefined) return known;
  const made: WireTool = JSON.parse(JSON.stringify(listing));
  wireTools.set(listing, made);
  return made;
}

function serveResources(server: Server, service: Callable, resources: Resources, scope: string | undefined): void {
  server.setRequestHandler("resources/list", () => ({ resources: resources.listings }));
  server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: resources.templates }));
  server.setRequestHandler("resources/read", async ({ params: { uri } }) => {
    const found = await resources.read(service, uri, scope);
    if (found === undefined) throw new ResourceNotFoundError(uri, `Resource ${uri.slice(0, 1000)} not found`);
    return { contents: [{ uri: new URL(uri).href, ...found }] };
  });
}

/**
 * A message as the revisions of 2025 have it: a missing resource has a code of its own there. The SDK sends the code of
 * the newer revision over every one.
 */
export function messageOf2025(message: JSONRPCMessage): JSONRPCMessage {
  if (!("error" in message) || message.error.code !== ProtocolErrorCode.InvalidParams) return message;
  const { data } = message.error;
  if (!isObject(data) || typeof data.uri !== "string" || Object.keys(data).length > 1) return message;
  return { ...message, error: { ...message.error, code: ProtocolErrorCode.ResourceNotFound } };
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
