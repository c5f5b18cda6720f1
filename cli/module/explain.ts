/**
 * `llmdb module explain`: what there is to know of a module before it is used. Guarantees: a file is explained without
 * a database, and nothing is stored; a module that is refused ends with exit code 1, and the reason is the result.
 */
import type { Command } from "commander";
import { type ModuleExplanation, openMemory } from "../../index.js";
import { bytesOfText } from "../../wasm/text-format.js";
import { onCall, type Run } from "../command.js";
import { FAILED } from "../failure.js";
import { type CommonFlags, databaseCommand, explain } from "../options.js";
import type { Streams } from "../streams.js";
import { Table } from "../table.js";
import { isFile, readModule } from "./source.js";

type Accepted = Extract<ModuleExplanation, { accepted: true }>;

const LABEL_COLUMNS = 14;

export function explainCommand(streams: Streams): Command {
  const command = databaseCommand(
    "explain",
    "shows what a module imports, exports, uses and costs, and the limits, or why it is refused",
  )
    .argument("<module>", "a file (*.wasm, *.wat, a path with a slash, -), else the hash or name of a stored module")
    .summary("what a module needs and costs, or why it is refused");
  explain(
    command,
    ["module explain count-keys.wasm", "module explain count-keys --db agent.llmdb --json"],
    "0 accepted, 1 refused, or failed, 2 bad usage",
  );
  return onCall<CommonFlags>(command, streams, async (run, module = "") => {
    const explanation = isFile(module) ? await ofFile(module, streams) : run.database("read").modules.explain(module);
    if (run.flags.json === true) await run.out.json(explanation);
    else if (explanation.accepted) await print(run, explanation);
    else await run.out.line([{ style: "red", text: "refused" }, `: ${explanation.reason}`]);
    if (!explanation.accepted) run.exit(FAILED);
  });
}

async function ofFile(path: string, streams: Streams): Promise<ModuleExplanation> {
  const source = await readModule(path, streams);
  const bytes = typeof source === "string" ? await bytesOfText(source) : source;
  const db = openMemory();
  try {
    return db.modules.explain(bytes);
  } finally {
    await db.close();
  }
}

async function print(run: Run<CommonFlags>, explanation: Accepted): Promise<void> {
  const { out } = run;
  const { info, limits } = explanation;
  await out.line([{ style: "green", text: "accepted" }]);
  for (const [label, text] of heads(explanation)) await out.line(`${label.padEnd(LABEL_COLUMNS)}${text}`);
  if (info.imports.length > 0) {
    await out.line("");
    const imports = new Table(out, ["import", "signature"]);
    for (const { module, name, signature } of info.imports) await imports.row([`${module}.${name}`, signature]);
    await imports.end();
  }
  await out.line("");
  const exports = new Table(out, ["export", "kind", "signature"]);
  for (const { name, kind, signature } of info.exports) await exports.row([name, kind, signature]);
  await exports.end();
  await out.line("");
  const functions = new Table(out, ["function", "name", "body", "locals", "stack", "fuel", ""]);
  for (const { index, name, bodyBytes, locals, stackUnits, units, hasLoops } of info.functions) {
    const figures = [bodyBytes, locals, stackUnits, units].map(String);
    await functions.row([String(index), name, ...figures, hasLoops ? "has loops" : ""]);
  }
  await functions.end();
  await out.line("");
  const table = new Table(out, ["limit", "at most"]);
  for (const [name, most] of Object.entries(limits)) await table.row([name, String(most)]);
  await table.end();
}

function heads({ hash, calls, capabilities, info, rewrittenBytes }: Accepted): [string, string][] {
  const { bytes, memory, features, tables, globals, dataBytes, hasStart, costVersion } = info;
  const most = memory?.max === undefined ? "" : `, at most ${memory.max}`;
  return [
    ["hash", hash],
    ["calls", calls.join(", ")],
    ["to be granted", listText(capabilities)],
    ["bytes", `${bytes}, ${rewrittenBytes} as it runs`],
    ["memory", memory === undefined ? "none" : `${memory.min} pages of 64 KiB${most}`],
    ["uses", listText(features)],
    ["has", `${globals} globals, ${tables.length} tables, ${dataBytes} bytes of data${hasStart ? ", a start" : ""}`],
    ["costs", `version ${costVersion}`],
  ];
}

function listText(names: readonly string[]): string {
  return names.length === 0 ? "nothing" : names.join(", ");
}
