/**
 * The memory of a file, for one server: held by this process, or reached through the one that holds it. Guarantees: a
 * file of the reference server is taken over once, whichever process asks for it; what went wrong with it is told, and
 * the memory is served all the same.
 */
import { Replies } from "../sharing/replies.js";
import { SharedService } from "../sharing/shared-service.js";
import { IMPORT } from "./import.js";
import type { Closable } from "./lazy-service.js";
import type { Operations } from "./operation.js";
import { isObject } from "./schema.js";
import { GRAPH_CHANGED, MemoryService, type MemoryServiceOptions, SERVICE_NAME } from "./service.js";
import { messageOf } from "./tool-calls.js";

export interface OpenServiceOptions {
  /** The database file. */
  readonly path: string;
  readonly readOnly: boolean;
  /** As for `open`. */
  readonly alone?: boolean;
  /** As for `open`, where this process has the database. */
  readonly modules?: MemoryServiceOptions["modules"];
  readonly scope?: string;
  /** A file of the reference server, to be taken over once. */
  readonly importFrom?: string;
  /** What other programs may ask for besides what the tools need; loaded where this process gets the database. */
  readonly operations?: () => Promise<Operations>;
  /** Says something to a person. */
  readonly log: (line: string) => void;
}

const PATIENCE_MS = 5000;

/** @param graphChanged is called after changes of the graph, by whichever process */
export async function openService(options: OpenServiceOptions, graphChanged: () => void): Promise<Closable> {
  const { path, readOnly, alone = false, modules, importFrom, log, scope } = options;
  const bounds = modules === undefined ? {} : { modules };
  if (readOnly) return checked(MemoryService.open(path, { readOnly: true, ...bounds }), scope);
  const shared = await SharedService.open({
    path,
    serviceName: SERVICE_NAME,
    patienceMs: PATIENCE_MS,
    openService: async (emit) => {
      const operations = await options.operations?.();
      const kept = { emit, replies: new Replies(), ...(operations && { operations }) };
      return MemoryService.open(path, { ...kept, alone, ...bounds });
    },
    onChange: (role) => {
      log(role === "holder" ? `this process has ${path} now` : `${path} is reached through another process now`);
      // Events may have been missed meanwhile.
      graphChanged();
    },
  });
  shared.onEvent((event) => {
    if (event === GRAPH_CHANGED) graphChanged();
  });
  const service = await checked(shared, scope);
  if (importFrom !== undefined) await takeOver(service, importFrom, scope, log);
  return service;
}

/** A scope that no memory can have is told at once, not with the first call. */
async function checked(service: Closable, scope: string | undefined): Promise<Closable> {
  if (scope === undefined) return service;
  try {
    await service.call("status", { scope });
    return service;
  } catch (error) {
    await service.close();
    throw error;
  }
}

/** A file that cannot be taken over is told, and the memory served all the same. */
async function takeOver(
  service: Closable,
  path: string,
  scope: string | undefined,
  log: (line: string) => void,
): Promise<void> {
  try {
    const from = scope === undefined ? {} : { scope };
    const reply = await service.call(IMPORT, { ...from, arguments: { path } });
    if (isObject(reply)) for (const line of importLines(path, reply)) log(line);
  } catch (error) {
    log(`${path} was not taken over: ${messageOf(error)}`);
  }
}

function importLines(path: string, reply: { readonly [name: string]: unknown }): string[] {
  if (reply.imported !== true) {
    if (reply.changed !== true) return [];
    return [`${path} was taken over before and has changed since; what was added there is not read`];
  }
  const lines = [`took over ${path}: ${String(reply.entities)} entities, ${String(reply.relations)} relations`];
  for (const bad of Array.isArray(reply.bad) ? reply.bad : []) {
    if (isObject(bad)) lines.push(`${path}:${String(bad.line)}: not read, ${String(bad.why)}`);
  }
  return lines;
}
