/**
 * `llmdb mcp`: the memory of a file over standard input and output. Guarantees: nothing but messages goes to stdout;
 * the server greets its client before the database is open; at the end of the input, or when it is told to end, it
 * finishes what it has begun and closes the database.
 */
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { type Timer, timers } from "../../pager/timers.js";
import { LazyService } from "./lazy-service.js";
import { LineTransport } from "./line-transport.js";
import type { OpenServiceOptions } from "./open-service.js";
import { type McpMemory, type McpOptions, messageOf2025, serverMaker } from "./server.js";
import { messageOf } from "./tool-calls.js";

export type ServeOptions = McpOptions & OpenServiceOptions;

const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** Clients ask for the list of tools at once, which needs no database either. A call does not wait for this. */
const OPEN_AFTER_MS = 50;

/** Serves until the input ends or a signal comes. */
export async function serve(options: ServeOptions): Promise<void> {
  const { log } = options;
  const made = new Set<McpMemory>();
  const graphChanged = () => {
    for (const memory of made) memory.graphChanged();
  };
  const service = new LazyService(async () => {
    const { openService } = await import("./open-service.js");
    return openService(options, graphChanged);
  });
  const open = () => service.opened().catch((error: unknown) => log(messageOf(error)));
  let opening: Timer | undefined;
  const transport = new LineTransport(process.stdin, process.stdout);
  const makeServer = serverMaker(service, options);
  const handle = serveStdio(
    ({ era }) => {
      const memory = makeServer(era);
      if (era === "legacy") transport.revise = messageOf2025;
      made.add(memory);
      opening ??= timers.setTimeout(open, OPEN_AFTER_MS);
      return memory.server;
    },
    { transport, onerror: ({ message }) => log(message.slice(0, 1000)) },
  );
  const end = () => void handle.close();
  for (const signal of SIGNALS) process.on(signal, end);
  await transport.closed;
  timers.clearTimeout(opening);
  await service.close();
  for (const signal of SIGNALS) process.off(signal, end);
}
