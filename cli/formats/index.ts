/** The formats of `import` and `export`: each in a file of its own, entered here. */
import type { ExportFormat, ImportFormat } from "./format.js";
import { jsonlExport } from "./jsonl-export.js";
import { jsonlImport } from "./jsonl-import.js";
import { serverMemoryExport, serverMemoryImport } from "./server-memory.js";
import { softwareSupportImport } from "./software-support-import.js";

/** By what `--format` calls them; the first is the default. */
export const EXPORT_FORMATS: ReadonlyMap<string, ExportFormat> = new Map([
  ["jsonl", jsonlExport],
  ["server-memory", serverMemoryExport],
]);
export const IMPORT_FORMATS: ReadonlyMap<string, ImportFormat> = new Map([
  ["jsonl", jsonlImport],
  ["server-memory", serverMemoryImport],
  ["software-support", softwareSupportImport],
]);
