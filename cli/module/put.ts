/**
 * `llmdb module put` and `llmdb module revoke`: which modules may be used. Guarantees: what is reported is durable; a
 * module that is refused is not stored.
 */
import { type Command, InvalidArgumentError } from "commander";
import type { Capability } from "../../index.js";
import { bytesOfText } from "../../wasm/text-format.js";
import { onCall } from "../command.js";
import { instantJson } from "../instant-text.js";
import { type CommonFlags, explain, writingCommand } from "../options.js";
import type { Streams } from "../streams.js";
import { receipt } from "../write.js";
import type { Fields } from "../writing/fields.js";
import { putModule, revokeModule } from "../writing/modules.js";
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
    const stored = await run.write("write", putModule, {
      source: typeof source === "string" ? await bytesOfText(source) : source,
      ...(name !== undefined && { name }),
      ...(grant !== undefined && { capabilities: grant }),
    });
    const json = storedJson(stored);
    await run.result(json, () => {
      const called = json.name === json.hash ? "" : `${json.name} is `;
      return `${called}${json.hash}, with ${json.calls.join(", ")}, in transaction ${json.tx}`;
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
    await receipt(run, await run.write("write", revokeModule, { module }));
  });
}

function storedJson(stored: Fields) {
  return {
    hash: stored.requiredText("hash"),
    name: stored.requiredText("name"),
    capabilities: stored.list("capabilities"),
    bytes: stored.requiredNumber("bytes"),
    calls: stored.list("calls"),
    revoked: stored.flag("revoked") === true,
    tx: stored.requiredNumber("tx"),
    time: instantJson(stored.requiredNumber("time")),
  };
}

function capabilities(text: string): Capability[] {
  const given = text.split(",").map((part) => part.trim());
  if (given.every((one) => CAPABILITIES.some((known) => known === one))) {
    return CAPABILITIES.filter((known) => given.includes(known));
  }
  throw new InvalidArgumentError(`It takes a list such as clock,log; there are ${CAPABILITIES.join(", ")}.`);
}
