/**
 * The format `server-memory`: the file of the reference memory server of MCP, from and to the knowledge graph.
 * Guarantees: what was exported and is imported into an empty memory gives the same graph; each line that cannot be
 * read is in the report with its number, and the others are imported, all in one transaction.
 */
import { Memory } from "../../memory/index.js";
import { formatServerMemory, parseServerMemory } from "../../server/mcp/server-memory-file.js";
import { badUsage } from "../failure.js";
import { type ExportFormat, type ImportFormat, textsOf } from "./format.js";

export const serverMemoryImport: ImportFormat = {
  description: "the file of the reference memory server of MCP, into the knowledge graph",
  async read(db, lines, report, marks) {
    const texts = await textsOf(lines, report);
    const { entities, relations, bad } = parseServerMemory(texts.join("\n"));
    for (const { line, why } of bad) report.bad(line, badUsage(why));
    if (entities.length + relations.length === 0) return;
    report.transactions++;
    if (marks !== undefined && marks.done > 0) {
      report.changes += Number(marks.state);
      return;
    }
    report.changes += await new Memory(db).transaction((tx) => {
      const made = tx.graph.createEntities(entities).length + tx.graph.createRelations(relations).length;
      marks?.mark(tx.writer.tx, 1, made);
      return made;
    });
  },
};

export const serverMemoryExport: ExportFormat = {
  description: "the knowledge graph, as the file of the reference memory server of MCP",
  async write(db, _options, report, emit) {
    const graph = new Memory(db).graph.read();
    report.changes += graph.entities.length + graph.relations.length;
    const text = formatServerMemory(graph);
    if (text !== "") for (const line of text.split("\n")) await emit(line);
  },
};
