/**
 * Taking over the file of the reference memory server, once. Guarantees: the file is read and never written; what is in
 * it is known after one transaction, together with the note that it was taken over, so that it is not taken over again.
 */
import { readFileSync } from "node:fs";
import { isCount, isText, objectOf, StoredMap, tupleOf } from "../../memory/stored-map.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import { sha256 } from "../../pager/digest.js";
import { LlmdbError } from "../../pager/error.js";
import type { Arguments } from "./arguments.js";
import type { Operation, Operations } from "./operation.js";
import type { JsonObject } from "./schema.js";
import { parseServerMemory } from "./server-memory-file.js";

/** [scope, "path" or "hash", path or hash]: what was taken over. */
const IMPORTS = new StoredMap(
  "memory/imports",
  tupleOf<[string, string, string]>(isText, isText, isText),
  objectOf<Imported>({ path: isText, hash: isText, tx: isCount }, {}),
);
const MOST_BAD_LINES = 100;

interface Imported {
  readonly path: string;
  readonly hash: string;
  readonly tx: number;
}

/** Where a file of the reference server is taken over at the start. */
export const IMPORT = "import_server_memory";

export const importOperations: Operations = new Map<string, Operation>([
  [IMPORT, { writes: true, changesGraph: true, run: importServerMemory }],
]);

function importServerMemory(tx: MemoryTransaction, args: Arguments): JsonObject {
  const path = args.requiredText("path");
  const bytes = read(path);
  const hash = Buffer.from(sha256(bytes)).toString("hex");
  const map = IMPORTS.of(tx.writer.tx);
  const before = map.get([tx.root, "path", path]) ?? map.get([tx.root, "hash", hash]);
  if (before !== undefined) return { imported: false, changed: before.hash !== hash, tx: before.tx };
  const { entities, relations, bad } = parseServerMemory(bytes.toString("utf8"));
  const newEntities = tx.graph.createEntities(entities).length;
  const newRelations = tx.graph.createRelations(relations).length;
  const note: Imported = { path, hash, tx: tx.id };
  map.put([tx.root, "path", path], note);
  map.put([tx.root, "hash", hash], note);
  return {
    imported: true,
    tx: tx.id,
    entities: newEntities,
    relations: newRelations,
    bad: bad.slice(0, MOST_BAD_LINES),
    badLines: bad.length,
  };
}

function read(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new LlmdbError("LLMDB_IO", `${path} could not be read: ${why}`, { path }, { cause });
  }
}
