/**
 * All commands of `llmdb`, in the order of its help. Guarantees: a command that is named is loaded alone, because most
 * of the time that a short command takes is spent on loading.
 */
import type { CommandMaker } from "./program.js";

const LOADERS: ReadonlyMap<string, () => Promise<CommandMaker>> = new Map([
  ["get", async () => (await import("./get.js")).getCommand],
  ["put", async () => (await import("./write.js")).putCommand],
  ["delete", async () => (await import("./write.js")).deleteCommand],
  ["history", async () => (await import("./history.js")).historyCommand],
  ["as-of", async () => (await import("./points.js")).asOfCommand],
  ["diff", async () => (await import("./points.js")).diffCommand],
  ["timeline", async () => (await import("./timeline.js")).timelineCommand],
  ["remember", async () => (await import("./recall.js")).rememberCommand],
  ["recall", async () => (await import("./recall.js")).recallCommand],
  ["forget", async () => (await import("./recall.js")).forgetCommand],
  ["transactions", async () => (await import("./transactions.js")).transactionsCommand],
  ["import", async () => (await import("./import.js")).importCommand],
  ["export", async () => (await import("./export.js")).exportCommand],
  ["stats", async () => (await import("./maintenance.js")).statsCommand],
  ["verify", async () => (await import("./maintenance.js")).verifyCommand],
  ["compact", async () => (await import("./maintenance.js")).compactCommand],
  ["backup", async () => (await import("./maintenance.js")).backupCommand],
  ["module", async () => (await import("./module/index.js")).moduleCommand],
  ["repl", async () => (await import("./repl.js")).replCommand],
  ["mcp", async () => (await import("./mcp.js")).mcpCommand],
  ["torture", async () => (await import("./torture.js")).tortureCommand],
]);

/** The commands that arguments may mean: the one that is named first, or all of them. */
export async function commandsFor(args: readonly string[]): Promise<CommandMaker[]> {
  const named = LOADERS.get(firstWord(args) ?? "");
  if (named !== undefined) return [await named()];
  return Promise.all([...LOADERS.values()].map((load) => load()));
}

/** The first argument that is neither an option nor the file that belongs to one. */
function firstWord(args: readonly string[]): string | undefined {
  return args.find((arg, i) => !arg.startsWith("-") && args[i - 1] !== "-d" && args[i - 1] !== "--db");
}
