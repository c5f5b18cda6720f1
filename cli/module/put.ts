/**
 * `llmdb module put` and `llmdb module revoke`: which modules may be used. Guarantees: what is reported is durable; a
 * module that is refused is not stored.
 */
import { type Command, InvalidArgumentError } from "commander";
import type { Capability } from "../../index.js";
import { type CommonFlags, explain, onCall, writingCommand } from "../command.js";
import { instantJson, instantText } from "../instant-text.js";
import type { Streams } from "../streams.js";
import { readModule } from "./source.js";

interface PutFlags extends CommonFlags {
  readonly name?: string;
  readonly grant?: readonly Capability[];
}

const CAPABILITIES: readonly Capability[] = ["clock", "log", "get"];

export function putCommand(streams: Streams): Command {
  const command = writingCommand("put", "checks a module and stores it; the same bytes are stored once")
    .argument("<file>", "a module in binary form or as text (with the package wabt); - reads standard input")
    .summary("checks a module and stores it")
    .option("--name <name>", "by which it can be called besides its hash")
    .option("--grant <list>", "what it may import: any of clock,log,get (default: nothing)", capabilities);
  explain(
    command,
    ["module put count-keys.wasm --name count-keys --db agent.llmdb", "module put - --grant log,get < hook.wat"],
    "0 stored, 1 refused, or failed, 2 bad usage",
  );
  return onCall<PutFlags>(command, streams, async (run, file = "") => {
    const { name, grant } = run.flags;
    const source = await readModule(file, streams);
    const db = run.database("write");
    const stored = await db.modules.put(source, {
      ...(name !== undefined && { name }),
      ...(grant !== undefined && { capabilities: grant }),
    });
    const { hash, calls, tx } = stored;
    await run.result({ ...stored, time: instantJson(stored.time) }, () => {
      const called = stored.name === hash ? "" : `${stored.name} is `;
      return `${called}${hash}, with ${calls.join(", ")}, in transaction ${tx}`;
    });
  });
}

export function revokeCommand(streams: Streams): Command {
  const command = writingCommand(
    "revoke",
    "takes a module out of use: its attachments go, calls are refused; put it again to take that back",
  )
    .argument("<module>", "a hash or a name")
    .summary("takes a module out of use");
  explain(command, ["module revoke count-keys --db agent.llmdb", "module revoke reverse-edges --json"]);
  return onCall<CommonFlags>(command, streams, async (run, module = "") => {
    const { tx, time } = await run.database("write").modules.revoke(module);
    await run.result({ tx, time: instantJson(time) }, () => `transaction ${tx} at ${instantText(time)}`);
  });
}

function capabilities(text: string): Capability[] {
  const given = text.split(",").map((part) => part.trim());
  if (given.every((one) => CAPABILITIES.some((known) => known === one))) {
    return CAPABILITIES.filter((known) => given.includes(known));
  }
  throw new InvalidArgumentError(`It takes a list such as clock,log; there are ${CAPABILITIES.join(", ")}.`);
}
