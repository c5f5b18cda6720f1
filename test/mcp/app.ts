/** The command as it is built, and servers that are started from it or the package. */
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { builtFile } from "../built-file.js";

/** A folder for one test file, and the command. */
export class App {
  readonly folder = mkdtempSync(join(tmpdir(), "llmdb-mcp-"));
  readonly program = builtFile("cli/index.ts");
  readonly reference = createRequire(import.meta.url).resolve("@modelcontextprotocol/server-memory/dist/index.js");

  path(name: string): string {
    return join(this.folder, name);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A client of the older SDK, connected to our server. */
  connect(args: readonly string[], env: { [name: string]: string } = {}): Promise<Connected> {
    return connect([this.program, "mcp", ...args], env);
  }

  /** The same client, connected to the reference server. */
  connectReference(memoryFile: string): Promise<Connected> {
    return connect([this.reference], { MEMORY_FILE_PATH: memoryFile });
  }
}

export interface Connected extends AsyncDisposable {
  readonly client: Client;
  readonly transport: StdioClientTransport;
  /** What the server said to people. */
  readonly said: () => string;
}

async function connect(args: readonly string[], env: { [name: string]: string }): Promise<Connected> {
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...args],
    env: { ...env, PATH: process.env.PATH ?? "" },
    stderr: "pipe",
  });
  let said = "";
  transport.stderr?.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const client = new Client({ name: "test", version: "1" });
  await client.connect(transport);
  await client.listTools();
  return { client, transport, said: () => said, [Symbol.asyncDispose]: () => client.close() };
}
