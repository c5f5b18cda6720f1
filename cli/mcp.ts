/**
 * `llmdb mcp`: a memory for any client of MCP. Guarantees: the SDK of MCP is loaded by this command alone; everything
 * for people goes to stderr.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Command, InvalidArgumentError, Option } from "commander";
import {
  DEFAULT_TOOLS,
  parseToolSelection,
  REPLACEMENT_TOOLS,
  SELECTION_NAMES,
  type ToolSelection,
} from "../server/mcp/tool-selection.js";
import { exitCodeOf, failureOf } from "./failure.js";
import { type ModuleFlags, modulesOption, openedWith } from "./module-bounds.js";
import { aloneOption, explain } from "./options.js";
import { makeFolderOf, namedBy, ownMemory } from "./own-memory.js";
import { type Streams, say } from "./streams.js";
import { version } from "./version.js";

/** The options as commander gives them. */
interface McpFlags extends ModuleFlags {
  readonly db?: string;
  readonly tools?: ToolSelection;
  readonly readOnly?: boolean;
  readonly scope?: string;
  readonly allowModules?: boolean;
  readonly alone?: boolean;
}

/** Which files a server works with. */
export interface McpFiles {
  readonly path: string;
  readonly importFrom?: string;
}

type Environment = { readonly [name: string]: string | undefined };

export function mcpCommand(streams: Streams): Command {
  const command = new Command("mcp")
    .description("serves a memory to agents, over standard input and output (Model Context Protocol)")
    .summary("serves a memory to agents (MCP)")
    .option(
      "-d, --db <file>",
      "the database file (default: $LLMDB_FILE, next to $MEMORY_FILE_PATH, or the data folder of the user)",
    )
    .option(
      "--tools <groups>",
      `the tools on the list: ${SELECTION_NAMES.join(", ")}, or several with commas (default: start, and the rest of ` +
        "memory for clients that ask for more)",
      toolSelection,
    )
    .option("--read-only", "opens the database for reading; tools that write are not there")
    .option("--scope <path>", "the part of the memory that is served, such as team/ada (default: all of it)")
    .addOption(new Option("--allow-modules", "clients may store WebAssembly modules").conflicts(["readOnly", "scope"]));
  modulesOption(aloneOption(command));
  explain(command, ["mcp --db agent.llmdb", "mcp --db agent.llmdb --tools memory,graph --scope team/ada"]);
  return command.action(async () => {
    try {
      await run(command.optsWithGlobals<McpFlags>(), streams);
    } catch (error) {
      const failure = failureOf(error);
      say(streams.stderr, `llmdb: ${failure.message} (${failure.code})`);
      streams.exitCode = exitCodeOf(failure);
    }
  });
}

async function run(flags: McpFlags, { env, stderr }: Streams): Promise<void> {
  const files = mcpFiles(flags.db, env);
  if (!flags.db && namedBy(env) === undefined) {
    say(stderr, `llmdb mcp: no database was named; the memory of this user is ${files.path}`);
    if (flags.readOnly !== true) makeFolderOf(files.path);
  }
  const { serve } = await import("../server/mcp/serve.js");
  await serve({
    ...files,
    version,
    tools: flags.tools ?? (env.MEMORY_FILE_PATH ? REPLACEMENT_TOOLS : DEFAULT_TOOLS),
    readOnly: flags.readOnly === true,
    allowModules: flags.allowModules === true,
    alone: flags.alone === true,
    ...openedWith(flags),
    ...(flags.scope === undefined ? {} : { scope: flags.scope }),
    operations: async () => (await import("./writing/index.js")).writingOperations,
    log: (line) => say(stderr, `llmdb mcp: ${line}`),
  });
}

function toolSelection(text: string): ToolSelection {
  const selection = parseToolSelection(text);
  if (selection !== undefined) return selection;
  throw new InvalidArgumentError(`Give one of ${SELECTION_NAMES.join(", ")}, or several with commas.`);
}

/** The files that are meant. */
function mcpFiles(db: string | undefined, environment: Environment): McpFiles {
  const memoryFile = environment.MEMORY_FILE_PATH;
  const path = db || ownMemory(environment);
  const isImported = memoryFile?.endsWith(".jsonl") && existsSync(memoryFile);
  return { path: resolve(path), ...(memoryFile && isImported ? { importFrom: resolve(memoryFile) } : {}) };
}
