/**
 * `llmdb module run`: runs a stored module over the pages of a map, or of the facts of a partition at a point.
 * Guarantees: it only reads, also alongside a writer; what the module gives out is printed and nothing else: what it
 * took and what it logs go to standard error.
 */
import { type Command, Option } from "commander";
import type { CallOptions, Database, PagesOf, Reduction, Usage } from "../../index.js";
import { toJson } from "../../models/values/json-forms.js";
import { RESULT_FORMS, type ResultForm, resultAs } from "../../server/mcp/result-form.js";
import {
  boundOptions,
  keyOptions,
  type PointFlags,
  partitionOption,
  pointOf,
  pointOptions,
  type RangeFlags,
  rangeOf,
  whole,
} from "../arguments.js";
import { onCall, type Run } from "../command.js";
import { badUsage } from "../failure.js";
import { modulesOption } from "../module-bounds.js";
import { type CommonFlags, databaseCommand, explain } from "../options.js";
import type { Streams } from "../streams.js";
import { type GrantFlags, grantOptions, grantsOf } from "./source.js";

type PageCall = "map_pages" | "reduce_pages";

interface RunFlags extends CommonFlags, RangeFlags, PointFlags, GrantFlags {
  readonly map?: string;
  readonly partition?: number;
  readonly call?: PageCall;
  readonly workers?: number;
  readonly pagesPerCall?: number;
  readonly floats?: CallOptions["floats"];
  readonly output: "raw" | "json" | ResultForm;
}

export function runCommand(streams: Streams): Command {
  const command = databaseCommand("run", "runs a stored module over leaf pages and prints what it gives out")
    .argument("<module>", "a hash or a name")
    .summary("runs a module over pages")
    .option("--map <name>", "over the pages of this plain map");
  boundOptions(command)
    .addOption(
      new Option(
        "--call <name>",
        "which of its functions (default: the one that it has; of both, reduce_pages)",
      ).choices(["map_pages", "reduce_pages"]),
    )
    .addOption(
      new Option("--output <form>", "how what it gives out is printed")
        .choices(["raw", ...RESULT_FORMS, "json"])
        .default("hex"),
    )
    .option("--workers <count>", "threads besides this one, up to 64 (default: 0)", whole)
    .option("--pages-per-call <count>", "pages that a call is handed, 1 to 1,024 (default: 1)", whole)
    .addOption(
      new Option("--floats <kind>", "fast leaves the bits of a NaN to the machine").choices(["canonical", "fast"]),
    );
  modulesOption(command);
  grantOptions(pointOptions(keyOptions(partitionOption(command))), "10,000,000,000", "1,000");
  explain(command, [
    "module run count-keys --map notes --output u32 --db agent.llmdb",
    "module run sum-field --partition 0 --prefix orders/ --known-at 2026-01-01 --arg total --output f64",
  ]);
  return onCall<RunFlags>(command, streams, async (run, module = "") => {
    const { flags } = run;
    const { output } = flags;
    if (output === "raw" && run.out.isTerminal) {
      throw badUsage("raw bytes go to a file or a pipe; give another --output for a terminal");
    }
    const pages = pagesOf(flags);
    const options = callOptions(run);
    const db = run.database("read");
    const call = flags.call ?? callOf(db, module);
    if (flags.json === true || output === "json") {
      const { value, ...usage } = await resultOf(db, module, call, pages, options);
      await run.out.json({ call, value: toJson(value), ...usage });
    } else if (call === "map_pages" && (output === "raw" || output === "hex")) {
      const stream = db.modules.mapPages(module, pages, options);
      for await (const piece of stream) await printPiece(run, piece);
      if (output === "hex") await run.out.line("");
      noteUsage(run, stream.usage);
    } else {
      const { value, ...usage } = await resultOf(db, module, call, pages, options);
      await printValue(run, value, output);
      noteUsage(run, usage);
    }
  });
}

/** Which pages options name. */
function pagesOf(flags: RunFlags): PagesOf {
  const { map, partition } = flags;
  const range = rangeOf(flags);
  const at = pointOf(flags);
  if (map === undefined) {
    if (partition !== undefined) return { partition, range, ...(at !== undefined && { at }) };
    throw badUsage("say over which pages: --map NAME, or --partition ID for facts of the store");
  }
  if (partition !== undefined) throw badUsage("give --map or --partition, not both");
  if (at !== undefined) throw badUsage("a plain map has no past; --valid-at, --known-at and --tx go with --partition");
  return { map, range };
}

function callOptions(run: Run<RunFlags>): CallOptions {
  const { workers, pagesPerCall, floats } = run.flags;
  return {
    ...grantsOf(run.flags),
    ...(workers !== undefined && { workers }),
    ...(pagesPerCall !== undefined && { pagesPerCall }),
    ...(floats !== undefined && { floats }),
    log: (text) => run.note(text),
  };
}

/** The call that a module has; a module that has neither is refused when it is run. */
function callOf(db: Database, module: string): PageCall {
  const explanation = db.modules.explain(module);
  const calls = explanation.accepted ? explanation.calls : [];
  return calls.includes("map_pages") && !calls.includes("reduce_pages") ? "map_pages" : "reduce_pages";
}

async function resultOf(
  db: Database,
  module: string,
  call: PageCall,
  pages: PagesOf,
  options: CallOptions,
): Promise<Reduction> {
  if (call === "reduce_pages") return db.modules.reducePages(module, pages, options);
  const stream = db.modules.mapPages(module, pages, options);
  const value = await stream.bytes();
  return { value, ...stream.usage };
}

async function printValue(run: Run<RunFlags>, value: Uint8Array, output: RunFlags["output"]): Promise<void> {
  if (output === "raw" || output === "json") return printPiece(run, value);
  const shown = resultAs(value, output);
  if (typeof shown === "string") await run.out.line(shown);
  else for (const number of shown) await run.out.line(String(number));
}

async function printPiece({ out, flags }: Run<RunFlags>, piece: Uint8Array): Promise<void> {
  if (flags.output === "hex") return out.text(Buffer.from(piece).toString("hex"));
  await out.bytes(piece);
}

/** What it took; alongside the result, since that goes into a pipe. */
function noteUsage(run: Run<RunFlags>, { fuelUsed, pages, records }: Usage): void {
  run.note(`${fuelUsed} fuel for ${pages} pages with ${records} records`);
}
