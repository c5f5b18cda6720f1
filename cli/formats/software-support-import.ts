/**
 * The format `software-support` of `llmdb import`: what a catalogue recorded about release cycles, into the memory.
 * Guarantees: those of `software-support.ts`; lines of several files may follow each other in any order.
 */
import { Memory } from "../../memory/index.js";
import { badUsage } from "../failure.js";
import { type ImportFormat, textsOf } from "./format.js";
import { importSoftwareSupport } from "./software-support.js";

export const softwareSupportImport: ImportFormat = {
  description: "what a catalogue recorded about release cycles, as facts of the memory",
  async read(db, lines, report, marks) {
    const texts = await textsOf(lines, report);
    const done = await importSoftwareSupport(new Memory(db), [{ name: "", lines: texts }], { marks });
    for (const { line, what } of done.bad) report.bad(line, badUsage(what));
    report.transactions += done.transactions;
    report.changes += done.statements;
  },
};
