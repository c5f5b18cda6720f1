/**
 * An import through the process that has the database. Guarantees: each batch is durable before the next one is sent,
 * and none is so large that others wait for long; a format that depends on all of its lines is sent whole.
 */
import { fileStorage } from "../../pager/file-storage.js";
import type { ImportFormat, ImportReport } from "../formats/format.js";
import type { Line } from "../formats/lines.js";
import { endImport, importLines } from "./import-lines.js";
import type { ThroughHolder } from "./through-holder.js";

const ID_BYTES = 12;
const MOST_LINES = 500;
const MOST_CHARACTERS = 128 * 1024;

interface Batch {
  /** The number of its first line. */
  readonly first: number;
  readonly lines: (string | null)[];
}

export async function importThrough(
  holder: ThroughHolder,
  name: string,
  { isByLine }: ImportFormat,
  lines: AsyncIterable<Line>,
  report: ImportReport,
): Promise<void> {
  const id = newId();
  for await (const batch of isByLine === true ? batchesOf(lines) : whole(lines)) {
    report.add(await holder.write(importLines, { import: id, format: name, ...batch }, {}));
  }
  await holder.write(endImport, { import: id }, {});
}

/** One that no other import has. */
function newId(): string {
  const bytes = new Uint8Array(ID_BYTES);
  fileStorage.random(bytes);
  return Buffer.from(bytes).toString("hex");
}

async function* batchesOf(lines: AsyncIterable<Line>): AsyncGenerator<Batch> {
  let batch: Batch | undefined;
  let characters = 0;
  for await (const { number, text } of lines) {
    batch ??= { first: number, lines: [] };
    batch.lines.push(text ?? null);
    characters += text?.length ?? 0;
    if (batch.lines.length < MOST_LINES && characters < MOST_CHARACTERS) continue;
    yield batch;
    batch = undefined;
    characters = 0;
  }
  if (batch !== undefined) yield batch;
}

async function* whole(lines: AsyncIterable<Line>): AsyncGenerator<Batch> {
  const batch: Batch = { first: 1, lines: [] };
  for await (const { text } of lines) batch.lines.push(text ?? null);
  yield batch;
}
