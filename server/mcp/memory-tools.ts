/**
 * The tools of the memory itself. Guarantees: arguments that no schema here names are refused; descriptions are short,
 * because each conversation begins with them: `test/mcp/listing.test.ts` counts their tokens.
 */
import { MOST_ITEMS } from "./budget.js";
import { ADDS, AT, BUDGET, list, object, READS, REMOVES, text, tool } from "./native-tool.js";
import type { Properties, Schema } from "./schema.js";
import type { Tool } from "./tool.js";

const TEXT: Schema = { type: "string" };
const NUMBER: Schema = { type: "number" };
const COUNT: Schema = { type: "integer", minimum: 0 };
const FLAG: Schema = { type: "boolean" };
const TIME = TEXT;
/** Whether something was left out, to keep within maxTokens. */
const CUT = FLAG;

const ID: Schema = { type: "string", maxLength: 200 };
const SCOPE = text("A scope below, such as projects/apollo", 200);
const WHY = text("Noted with the transaction", 1000);
const VALID: Properties = {
  validFrom: text('Since when it holds: ISO 8601 or "open"; default now', 100),
  validTo: text('Until when, not included; default "open"', 100),
};
const SAID: Properties = {
  subject: TEXT,
  predicate: TEXT,
  object: {},
  text: TEXT,
  tags: { type: "array", items: TEXT },
  source: TEXT,
  confidence: NUMBER,
  firstKnown: TIME,
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
/** For the next call; missing: the last page. */
const CURSOR: Properties = { cursor: TEXT };
const TRANSACTION: Properties = { tx: COUNT, time: TIME, meta: {} };

export const memoryTools: readonly Tool[] = [
  tool({
    name: "remember",
    description:
      "Write a fact down: subject, predicate and object, or text. What was believed of the same subject and " +
      "predicate is corrected, and stays on record. outcome: new, corrected, again (since stays) or unchanged.",
    input: {
      text: text("The statement in words", 1_000_000),
      subject: text("Who or what it is about", 1000),
      predicate: text("What is said of it, such as: lives in", 1000),
      object: { description: "Any JSON" },
      id: { ...ID, description: "Default: made, or that of the fact it corrects" },
      tags: { type: "array", items: { type: "string", maxLength: 100 }, maxItems: 100 },
      source: text("Where it comes from", 1000),
      confidence: { type: "number", minimum: 0, maximum: 1, description: "0 to 1" },
      scope: SCOPE,
      many: { ...FLAG, description: "True: corrects nothing, is kept alongside others of its subject and predicate" },
      ...VALID,
      why: WHY,
      ...BUDGET,
    },
    output: object({ id: TEXT, tx: COUNT, outcome: TEXT, knownFrom: TIME, replaced: list(VALUE), cut: CUT }, [
      "id",
      "tx",
      "outcome",
      "replaced",
    ]),
    hints: ADDS,
  }),
  tool({
    name: "recall",
    description: "Find facts by words, best first, as of now or any point in the past.",
    input: {
      query: text("In words", 10_000, 1),
      kinds: { type: "array", items: KIND },
      scope: SCOPE,
      inherit: { ...FLAG, description: "True: also from above the scope" },
      tags: { type: "array", items: TEXT, description: "Only facts with all of these" },
      minConfidence: { type: "number", minimum: 0, maximum: 1 },
      validity: {
        type: "string",
        enum: ["only", "prefer", "any"],
        description: "What does not hold at validAt: left out, counts half, counts fully",
      },
      halfLifeMs: { ...NUMBER, description: "Age at which a hit counts half" },
      ...AT,
      ...paging(10),
    },
    required: ["query"],
    output: object({ hits: list(HIT), knownTx: COUNT, more: FLAG, ...CURSOR }, ["hits", "knownTx", "more"]),
    hints: READS,
  }),
  tool({
    name: "get",
    description: "One record, as of now or any point.",
    input: { id: ID, ...AT, ...BUDGET },
    required: ["id"],
    output: object({ record: RECORD, cut: CUT }, ["record"]),
    hints: READS,
  }),
  tool({
    name: "history",
    description: "All versions of a record, oldest first: what was believed, about which time, and when.",
    input: { id: ID, ...paging(20) },
    required: ["id"],
    output: object({ id: TEXT, count: COUNT, versions: list(RECORD), ...CURSOR }, ["id", "count", "versions"]),
    hints: READS,
  }),
  tool({
    name: "diff",
    description: "What changed between two points in time.",
    input: {
      from: object(AT),
      to: object(AT, [], "Default: now"),
      scope: SCOPE,
      ...paging(50),
    },
    required: ["from"],
    output: object({ fromTx: COUNT, toTx: COUNT, changes: list(CHANGE), ...CURSOR }, ["fromTx", "toTx", "changes"]),
    hints: READS,
  }),
  tool({
    name: "explain",
    description: "Why a record is believed: who wrote it, when and why, from which source, and what it replaced.",
    input: { id: ID, ...AT, ...BUDGET },
    required: ["id"],
    output: object(
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
    hints: READS,
  }),
  tool({
    name: "forget",
    description:
      "Withdraw a record: it is no longer believed, and stays on record. With erase, it is removed with its whole " +
      "past.",
    input: {
      id: ID,
      validFrom: text('Only since then: ISO 8601 or "open"; default "open"', 100),
      validTo: text('Only until then, not included; default "open"', 100),
      erase: { ...FLAG, description: "True: cannot be undone" },
      why: WHY,
      ...BUDGET,
    },
    required: ["id"],
    output: object({ id: TEXT, tx: COUNT }, ["id", "tx"]),
    hints: REMOVES,
  }),
  tool({
    name: "undo",
    description:
      "Undo a transaction with a new one: what it changed is believed again as before. Refused where that was " +
      "changed since, or erased.",
    input: { tx: { type: "integer", minimum: 1 }, why: WHY, ...BUDGET },
    required: ["tx"],
    output: object({ tx: COUNT, undone: COUNT, restored: list(TEXT), count: COUNT, cut: CUT }, [
      "tx",
      "undone",
      "restored",
    ]),
    hints: REMOVES,
  }),
  tool({
    name: "transactions",
    description: "What was changed, when, by whom and why; newest first.",
    input: {
      after: { ...COUNT, description: "Above this number" },
      before: { ...COUNT, description: "Below this number" },
      oldestFirst: FLAG,
      ...paging(20),
    },
    output: object(
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
    hints: READS,
  }),
  tool({
    name: "status",
    description: "How much is remembered, and the last transaction.",
    input: BUDGET,
    output: object(
      {
        file: TEXT,
        scope: TEXT,
        records: object({ fact: COUNT, entity: COUNT, relation: COUNT, turn: COUNT }),
        scopes: COUNT,
        lastTx: COUNT,
        lastTime: TIME,
        now: TIME,
        fileBytes: COUNT,
        holder: { type: "integer", description: "The process that has the file open" },
        logMissing: { type: "boolean" },
        cut: CUT,
      },
      ["records", "now"],
    ),
    hints: READS,
  }),
];

function paging(limit: number): Properties {
  return {
    limit: { type: "integer", minimum: 1, maximum: MOST_ITEMS, default: limit },
    cursor: text("Of the page before; all else as then", 500),
    ...BUDGET,
  };
}
