/**
 * The tools of the memory itself. Guarantees: arguments that no schema here names are refused; hints say the worst that
 * a tool can do.
 */
import { MOST_ITEMS } from "./budget.js";
import { AT, BUDGET, list, object, type Properties, text, tool } from "./native-tool.js";
import type { Schema } from "./schema.js";
import { READS, type Tool, writes } from "./tool.js";

const TEXT: Schema = { type: "string" };
const NUMBER: Schema = { type: "number" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const FLAG: Schema = { type: "boolean" };
const TIME: Schema = { type: "string", description: "ISO 8601" };

const ID = text("The id of a record, as recall, get and history show it", 200);
const SCOPE = text("A scope below that of this server, such as projects/apollo; default: the whole scope", 200);
const WHY = text("Why this is done; explain and transactions show it", 1000);
const VALID: Properties = {
  validFrom: text('Since when it holds: ISO 8601, or "open". Default: now', 40),
  validTo: text('Until when it holds, not included: ISO 8601, or "open". Default: open', 40),
};
const SAID: Properties = {
  subject: TEXT,
  predicate: TEXT,
  object: {},
  text: TEXT,
  tags: { type: "array", items: TEXT },
  source: TEXT,
  confidence: NUMBER,
  name: TEXT,
  entityType: TEXT,
  observations: { type: "array", items: TEXT },
  from: TEXT,
  to: TEXT,
  relationType: TEXT,
  session: TEXT,
  index: COUNT,
  role: TEXT,
};
const KIND: Schema = { type: "string", enum: ["fact", "entity", "relation", "turn"] };
const CUT: Schema = { type: "boolean", description: "True: something was left out, to keep within maxTokens" };
const PLACE: Properties = {
  validFrom: TIME,
  validTo: TIME,
  knownFrom: TIME,
  knownTo: TIME,
  tx: COUNT,
  txTo: COUNT,
};
const RECORD = object({ id: TEXT, kind: KIND, scope: TEXT, ...SAID, ...PLACE, cut: CUT }, ["id", "kind", "tx"]);
const HIT = object({ id: TEXT, kind: KIND, scope: TEXT, ...SAID, ...PLACE, score: NUMBER, cut: CUT }, [
  "id",
  "kind",
  "tx",
  "text",
  "score",
]);
const VALUE = object({ kind: KIND, ...SAID }, ["kind"]);
const CHANGE = object({ id: TEXT, kind: KIND, scope: TEXT, before: VALUE, after: VALUE, cut: CUT }, ["id", "kind"]);
const CURSOR: Properties = {
  cursor: { type: "string", description: "Give it to the next call; missing: the last page" },
};
const TRANSACTION: Properties = { tx: COUNT, time: TIME, meta: {} };

export const memoryTools: readonly Tool[] = [
  tool(
    "remember",
    "Remember",
    "Write a fact down. What was believed of the same subject and predicate about the same time is corrected, and " +
      "stays on record. Give text, or subject, predicate and object.",
    {
      text: text("The statement in words", 1_000_000),
      subject: text("Who or what it is about", 1000),
      predicate: text("What is said of the subject, such as: lives in", 1000),
      object: { description: "The value: any JSON" },
      id: text("The key of the fact; default: made, or that of the fact that is corrected", 200),
      tags: { type: "array", items: { type: "string", maxLength: 100 }, maxItems: 100 },
      source: text("Where it comes from: a person, a document, a tool", 1000),
      confidence: { type: "number", minimum: 0, maximum: 1, description: "How sure the source is" },
      scope: SCOPE,
      many: { ...FLAG, description: "True: stands beside others of the same subject and predicate. Default false" },
      ...VALID,
      why: WHY,
      ...BUDGET,
    },
    [],
    object({ id: TEXT, tx: COUNT, knownFrom: TIME, replaced: list(VALUE), cut: CUT }, ["id", "tx", "replaced"]),
    writes({ destructive: false, idempotent: false }),
  ),
  tool(
    "recall",
    "Recall",
    "Find what is known by words, best first: facts, entities, relations and turns of conversations, as of now or of " +
      "any point in the past.",
    {
      query: text("What to look for, in words", 10_000, 1),
      kinds: { type: "array", items: KIND, description: "Default: all" },
      scope: SCOPE,
      inherit: { ...FLAG, description: "True: also what lies above the scope. Default false" },
      tags: { type: "array", items: TEXT, description: "Only facts that have all of these" },
      minConfidence: { type: "number", minimum: 0, maximum: 1, description: "Only facts that are at least so sure" },
      validity: {
        type: "string",
        enum: ["only", "prefer", "any"],
        description: "What does not hold at validAt is left out, counts half, or counts fully. Default: only",
      },
      halfLifeMs: { ...NUMBER, description: "After so many milliseconds a hit counts half. Default: age is no matter" },
      ...AT,
      ...paging(10),
    },
    ["query"],
    object({ hits: list(HIT), knownTx: COUNT, more: FLAG, ...CURSOR }, ["hits", "knownTx", "more"]),
    READS,
  ),
  tool(
    "get",
    "Get",
    "One record, as it is believed now or was at any point.",
    { id: ID, ...AT, ...BUDGET },
    ["id"],
    object({ record: RECORD, cut: CUT }, ["record"]),
    READS,
  ),
  tool(
    "history",
    "History",
    "All versions of a record, oldest first: what was believed, about which time, and when.",
    { id: ID, ...paging(20) },
    ["id"],
    object({ id: TEXT, count: COUNT, versions: list(RECORD), ...CURSOR }, ["id", "count", "versions"]),
    READS,
  ),
  tool(
    "diff",
    "Diff",
    "What changed between two points in time. Leave `to` out for now.",
    {
      from: object(AT, [], "The earlier point"),
      to: object(AT, [], "The later point; default: now"),
      scope: SCOPE,
      ...paging(50),
    },
    ["from"],
    object({ fromTx: COUNT, toTx: COUNT, changes: list(CHANGE), ...CURSOR }, ["fromTx", "toTx", "changes"]),
    READS,
  ),
  tool(
    "explain",
    "Explain",
    "Why a record is believed: who wrote it, when and why, from which source, and what it replaced.",
    { id: ID, ...AT, ...BUDGET },
    ["id"],
    object(
      {
        record: RECORD,
        transaction: object(TRANSACTION, ["tx"]),
        source: TEXT,
        replaced: list(RECORD),
        versions: COUNT,
        cut: CUT,
      },
      ["record", "transaction", "replaced", "versions"],
    ),
    READS,
  ),
  tool(
    "forget",
    "Forget",
    "Withdraw a record: it is no longer believed, about a stretch of time or about all times, and stays on record. " +
      "With erase, it is removed physically with its whole past, for ever.",
    {
      id: ID,
      validFrom: text('Only since then: ISO 8601, or "open". Default: open', 40),
      validTo: text('Only until then, not included: ISO 8601, or "open". Default: open', 40),
      erase: { ...FLAG, description: "True: cannot be undone. Default false" },
      why: WHY,
      ...BUDGET,
    },
    ["id"],
    object({ id: TEXT, tx: COUNT }, ["id", "tx"]),
    writes({ destructive: true, idempotent: false }),
  ),
  tool(
    "undo",
    "Undo",
    "Undo a transaction with a new one: what it changed is believed again as it was before. Refused where something " +
      "was changed since, or was erased.",
    { tx: { type: "integer", minimum: 1, description: "As transactions shows it" }, why: WHY, ...BUDGET },
    ["tx"],
    object({ tx: COUNT, undone: COUNT, restored: list(TEXT), count: COUNT, cut: CUT }, ["tx", "undone", "restored"]),
    writes({ destructive: true, idempotent: false }),
  ),
  tool(
    "transactions",
    "Transactions",
    "What was changed, when, by whom and why. Newest first.",
    {
      after: { ...COUNT, description: "Only those above this number" },
      before: { ...COUNT, description: "Only those below this number" },
      oldestFirst: { ...FLAG, description: "Default false" },
      ...paging(20),
    },
    [],
    object(
      {
        transactions: list(
          object(
            { ...TRANSACTION, count: COUNT, changes: list(object({ op: TEXT, id: TEXT }, ["op", "id"])), cut: CUT },
            ["tx", "count", "changes"],
          ),
        ),
        ...CURSOR,
      },
      ["transactions"],
    ),
    READS,
  ),
  tool(
    "status",
    "Status",
    "How much is remembered, where it is kept, and the number and time of the last transaction.",
    BUDGET,
    [],
    object(
      {
        file: TEXT,
        scope: TEXT,
        records: object({ fact: COUNT, entity: COUNT, relation: COUNT, turn: COUNT }, []),
        scopes: COUNT,
        lastTx: COUNT,
        lastTime: TIME,
        now: TIME,
        fileBytes: COUNT,
        holder: { type: "integer", description: "The process that has the file open" },
        cut: CUT,
      },
      ["file", "records", "lastTx", "now"],
    ),
    READS,
  ),
];

function paging(limit: number): Properties {
  return {
    limit: { type: "integer", minimum: 1, maximum: MOST_ITEMS, default: limit, description: "At most so many" },
    cursor: { type: "string", maxLength: 500, description: "From the page before; all else as for that page" },
    ...BUDGET,
  };
}
