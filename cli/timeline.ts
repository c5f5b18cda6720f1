/** `llmdb timeline`: a picture of a key on both time axes. Guarantees: an existing picture is replaced as a whole. */
import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { type DrawingOptions, drawVersions } from "../index.js";
import { toJson } from "../models/values/json-forms.js";
import {
  type KeyFlags,
  keyOptions,
  type PointFlags,
  partitionOption,
  pointOf,
  pointOptions,
  readKey,
  valueText,
  whole,
} from "./arguments.js";
import { onCall } from "./command.js";
import { badUsage, notFound } from "./failure.js";
import { versionJson } from "./get.js";
import { type CommonFlags, databaseCommand, explain } from "./options.js";
import type { Streams } from "./streams.js";
import { drawText } from "./text-drawing.js";

interface TimelineFlags extends CommonFlags, KeyFlags, PointFlags {
  readonly partition?: number;
  readonly svg?: string;
  readonly known?: "time" | "tx";
  readonly title?: string;
  readonly width?: number;
  readonly height?: number;
}

const DEFAULT_COLUMNS = 100;

export function timelineCommand(streams: Streams): Command {
  const command = databaseCommand(
    "timeline",
    "draws the slices of a key: valid time to the right, newer knowledge on top",
  )
    .argument("<key>", "text, or JSON")
    .summary("a picture of a key on both time axes")
    .option("--svg <file>", "draws an SVG image; - is standard output. Without it, a drawing in text")
    .addOption(new Option("--known <unit>", "what is up in the image (default: time)").choices(["time", "tx"]))
    .option("--title <text>", "the heading of the image (default: the key)")
    .option("--width <pixels>", "of the image", whole)
    .option("--height <pixels>", "of the image", whole);
  partitionOption(keyOptions(pointOptions(command)));
  explain(
    command,
    [
      "timeline nodejs/16 --db agent.llmdb",
      "timeline nodejs/16 --svg node-16.svg --valid-at 2023-10-01 --known-at 2022-01-01",
    ],
    "0 drawn, 1 nothing was ever known, or failed, 2 bad usage",
  );
  return onCall<TimelineFlags>(command, streams, async (run, text = "") => {
    const { flags } = run;
    const key = readKey(text, flags);
    const mark = pointOf(flags);
    if (flags.svg === undefined && mark !== undefined) throw badUsage("points are marked in an image; add --svg FILE");
    const versions = run
      .database("read")
      .partition(flags.partition ?? 0)
      .versions(key);
    if (versions.length === 0) throw notFound(`nothing was ever known of ${valueText(key)}`);
    if (flags.svg === undefined) {
      const columns = Math.min(DEFAULT_COLUMNS, run.out.columns);
      await run.result({ key: toJson(key), versions: versions.map(versionJson) }, () =>
        drawText(versions, columns).join("\n"),
      );
      return;
    }
    const options: DrawingOptions = {
      title: flags.title ?? valueText(key),
      known: flags.known ?? (flags.tx === undefined ? "time" : "tx"),
      label: valueText,
      ...(mark !== undefined && { marks: [mark] }),
      ...(flags.width !== undefined && { width: flags.width }),
      ...(flags.height !== undefined && { height: flags.height }),
    };
    const svg = drawVersions(versions, options);
    if (flags.svg === "-") {
      await run.out.text(svg);
      return;
    }
    const { svg: path } = flags;
    writeFileSync(path, svg, { mode: 0o600 });
    await run.result({ file: path, slices: versions.length }, () => `drew ${versions.length} slices to ${path}`);
  });
}
