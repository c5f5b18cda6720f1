/**
 * `llmdb module list` and `llmdb module attachments`: what there is, now or at a point. Guarantees: both only read,
 * also alongside a writer.
 */
import type { Command } from "commander";
import type { Attachment } from "../../index.js";
import { toJson } from "../../models/values/json-forms.js";
import { type PointFlags, pointOf, pointOptions } from "../arguments.js";
import { onCall } from "../command.js";
import { instantJson, instantText } from "../instant-text.js";
import { type CommonFlags, databaseCommand, explain } from "../options.js";
import type { Streams } from "../streams.js";
import { Table } from "../table.js";

interface ListFlags extends CommonFlags, PointFlags {}

/** How many digits of a hash are shown to tell modules apart. */
const SHOWN_DIGITS = 12;

export function listCommand(streams: Streams): Command {
  const command = databaseCommand(
    "list",
    "lists the modules that are stored, those that were revoked among them",
  ).summary("the modules that are stored");
  pointOptions(command);
  explain(command, ["module list --db agent.llmdb", "module list --known-at 2026-01-01 --json"]);
  return onCall<ListFlags>(command, streams, async (run) => {
    const table = new Table(run.out, ["name", "hash", "bytes", "calls", "granted", "tx", "time", ""]);
    const at = pointOf(run.flags);
    for (const module of run.database("read").modules.list(at === undefined ? {} : { at })) {
      const { name, hash, bytes, calls, capabilities, tx, time, revoked } = module;
      if (run.flags.json === true) {
        await run.out.json({ ...module, time: instantJson(time) });
        continue;
      }
      await table.row([
        name === hash ? "" : name,
        hash.slice(0, SHOWN_DIGITS),
        String(bytes),
        calls.join(", "),
        capabilities.join(", "),
        String(tx),
        instantText(time),
        revoked ? "revoked" : "",
      ]);
    }
    await table.end();
  });
}

export function attachmentsCommand(streams: Streams): Command {
  const command = databaseCommand(
    "attachments",
    "lists what is attached to maps, in the order in which it was",
  ).summary("what is attached to maps");
  pointOptions(command);
  explain(command, ["module attachments --db agent.llmdb", "module attachments --tx 7 --json"]);
  return onCall<ListFlags>(command, streams, async (run) => {
    const table = new Table(run.out, ["map", "as", "index", "module", "writes", "reads", "fuel", "ms", "tx", "time"]);
    const at = pointOf(run.flags);
    for (const attachment of run.database("read").modules.attachments(at === undefined ? {} : { at })) {
      if (run.flags.json === true) await run.out.json(attachmentJson(attachment));
      else await table.row(attachmentRow(attachment));
    }
    await table.end();
  });
}

function attachmentJson({ arg, time, ...rest }: Attachment): object {
  return { ...rest, arg: toJson(arg), time: instantJson(time) };
}

function attachmentRow(attachment: Attachment): string[] {
  const { map, on, name, module, writes, reads, fuel, timeoutMs, tx, time } = attachment;
  const maps = [writes, reads].map((names) => names.join(", "));
  return [map, on, name, module.slice(0, SHOWN_DIGITS), ...maps, fuel, timeoutMs, tx, instantText(time)].map(String);
}
