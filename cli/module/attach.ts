/**
 * `llmdb module attach` and `llmdb module detach`: which module runs with the transactions of a map. Guarantees: what
 * is reported is durable; an index is whole when it is reported.
 */
import { type Command, Option } from "commander";
import type { AttachmentOf } from "../../index.js";
import { onCall } from "../command.js";
import { type CommonFlags, explain, writingCommand } from "../options.js";
import type { Streams } from "../streams.js";
import { receipt } from "../write.js";
import { attachModule, detachModule } from "../writing/modules.js";
import { type GrantFlags, grantOptions, grantsOf } from "./source.js";

interface AttachedFlags extends CommonFlags {
  readonly on: AttachmentOf["on"];
  readonly name?: string;
}

interface AttachFlags extends AttachedFlags, GrantFlags {
  readonly writes?: readonly string[];
  readonly reads?: readonly string[];
}

export function attachCommand(streams: Streams): Command {
  const command = writingCommand("attach", "has a module run in each transaction that changes a map, from now on");
  attachedOptions(command)
    .summary("has a module run with the transactions of a map")
    .option("--writes <map...>", "of a hook: maps that it may write, numbered from 1")
    .option("--reads <map...>", "maps that it may read besides; their numbers follow");
  grantOptions(command, "50,000,000 in a transaction", "25 in a transaction");
  explain(command, [
    "module attach reverse-edges edges --on tx_hook --writes reverse degree --db agent.llmdb",
    "module attach by-field people --on custom_index --name people-by-city --arg city",
  ]);
  return onCall<AttachFlags>(command, streams, async (run, module = "", map = "") => {
    const { writes, reads } = run.flags;
    const request = {
      module,
      map,
      ...attachedAs(run.flags),
      ...(writes !== undefined && { writes }),
      ...(reads !== undefined && { reads }),
      ...grantsOf(run.flags),
    };
    await receipt(run, await run.write("write", attachModule, request));
  });
}

export function detachCommand(streams: Streams): Command {
  const command = writingCommand("detach", "takes an attachment away; an index goes with its entries");
  attachedOptions(command).summary("takes an attachment away");
  explain(command, [
    "module detach reverse-edges edges --on tx_hook --db agent.llmdb",
    "module detach by-field people --on custom_index --name people-by-city",
  ]);
  return onCall<AttachedFlags>(command, streams, async (run, module = "", map = "") => {
    await receipt(run, await run.write("write", detachModule, { module, map, ...attachedAs(run.flags) }));
  });
}

function attachedOptions(command: Command): Command {
  return command
    .argument("<module>", "a hash or a name")
    .argument("<map>", "a plain map")
    .addOption(
      new Option("--on <call>", "as what it is attached").choices(["tx_hook", "custom_index"]).makeOptionMandatory(),
    )
    .option("--name <name>", "of an index: its name");
}

function attachedAs({ on, name }: AttachedFlags): AttachmentOf {
  return { on, ...(name !== undefined && { name }) };
}
