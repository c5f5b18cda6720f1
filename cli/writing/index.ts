/** All that commands write, as the process that has a database offers it to those that reach it through the socket. */
import type { Operations } from "../../server/mcp/operation.js";
import { operationOf } from "./command.js";
import { deleteFact, putFact } from "./facts.js";
import { endImport, importLines } from "./import-lines.js";
import { attachModule, detachModule, putModule, revokeModule } from "./modules.js";
import { forgetRecord, rememberFact } from "./records.js";

const ALL = [
  putFact,
  deleteFact,
  rememberFact,
  forgetRecord,
  importLines,
  endImport,
  putModule,
  attachModule,
  detachModule,
  revokeModule,
];

export const writingOperations: Operations = new Map(ALL.map((writing) => [writing.name, operationOf(writing)]));
