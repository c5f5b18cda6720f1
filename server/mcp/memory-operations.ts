/**
 * The operations of the memory itself: facts and what was believed when. Guarantees: no reply takes more tokens than
 * `maxTokens`; a list that was cut has a cursor, and the pages show one state; the point that is asked about is the
 * same for all of a reply.
 */
import { scopesBelow } from "../../memory/directory.js";
import { ORDER } from "../../memory/maps.js";
import type { Memory } from "../../memory/memory.js";
import type { Hit } from "../../memory/recall.js";
import type { Json, RecordKind } from "../../memory/record.js";
import { type MemoryTransaction, notFound } from "../../memory/transaction.js";
import { toJson } from "../../models/values/json-forms.js";
import { LlmdbError } from "../../pager/error.js";
import { fileStorage } from "../../pager/file-storage.js";
import type { At } from "../../temporal/at.js";
import { type Arguments, optional } from "./arguments.js";
import { budgetOf, fitPage, fitReply, MOST_ITEMS } from "./budget.js";
import { atOf, cursorOf, type FixedPoint, placeOf } from "./cursor.js";
import type { Operation, Operations } from "./operation.js";
import { changeJson, recordJson, valueJson } from "./record-json.js";
import { isObject, type JsonObject } from "./schema.js";
import { timeMember, timeText } from "./time-text.js";

const KINDS: readonly RecordKind[] = ["fact", "entity", "relation", "turn"];

/** Without the id: of what was erased, not even that may stay. */
const KEPT_OF_FORGET = {
  of: (reply: unknown): unknown => (isObject(reply) ? reply.tx : undefined),
  again: (tx: unknown, args: Arguments): JsonObject => fitReply({ id: args.requiredText("id"), tx }, budgetOf(args)),
};

export const memoryOperations: Operations = new Map<string, Operation>([
  ["remember", { writes: true, changesGraph: false, run: remember }],
  ["forget", { writes: true, changesGraph: true, run: forget, kept: KEPT_OF_FORGET }],
  ["undo", { writes: true, changesGraph: true, run: undo }],
  ["recall", { writes: false, run: recall }],
  ["get", { writes: false, run: get }],
  ["history", { writes: false, run: history }],
  ["diff", { writes: false, run: diff }],
  ["explain", { writes: false, run: explain }],
  ["transactions", { writes: false, run: transactions }],
  ["status", { writes: false, run: status }],
]);

function remember(tx: MemoryTransaction, args: Arguments): JsonObject {
  const {
    id,
    tx: known,
    outcome,
    knownFrom,
    replaced,
  } = tx.remember(
    optional({
      id: args.text("id"),
      subject: args.text("subject"),
      predicate: args.text("predicate"),
      object: objectOf(args),
      text: args.text("text"),
      tags: args.texts("tags"),
      source: args.text("source"),
      confidence: args.number("confidence"),
      scope: args.text("scope"),
      many: args.flag("many"),
      validFrom: args.end("validFrom", Number.NEGATIVE_INFINITY),
      validTo: args.end("validTo", Number.POSITIVE_INFINITY),
    }),
  );
  const told = { id, tx: known, outcome, ...timeMember("knownFrom", knownFrom) };
  const reply = { ...told, replaced: replaced.map(valueJson) };
  return fitReply(reply, budgetOf(args));
}

/** Null is said of a subject where nothing else is; otherwise it is an argument that was left out. */
function objectOf(args: Arguments): Json | undefined {
  const object = args.json("object");
  const isSaid = args.text("predicate") !== undefined && args.text("text") === undefined;
  return object === null && !isSaid ? undefined : object;
}

function forget(tx: MemoryTransaction, args: Arguments): JsonObject {
  const id = args.requiredText("id");
  tx.forget(
    id,
    optional({
      erase: args.flag("erase"),
      validFrom: args.end("validFrom", Number.NEGATIVE_INFINITY),
      validTo: args.end("validTo", Number.POSITIVE_INFINITY),
    }),
  );
  return fitReply({ id, tx: tx.id }, budgetOf(args));
}

function undo(tx: MemoryTransaction, args: Arguments): JsonObject {
  const undone = args.requiredNumber("tx");
  const { restored } = tx.undo(undone);
  const items = restored.map((id) => ({ id }));
  return fitPage(items, false, budgetOf(args), (some, isMore) => ({
    tx: tx.id,
    undone,
    restored: some.map(({ id }) => id),
    count: restored.length,
    ...(isMore ? { cut: true } : {}),
  }));
}

function recall(memory: Memory, args: Arguments): JsonObject {
  const place = placeOf("recall", args.any("cursor"), 1);
  const limit = args.count("limit", 10, 1, MOST_ITEMS);
  const shown = place?.shown ?? 0;
  const at = place === undefined ? args.at : atOf(place.points[0]);
  const fixed = place?.points[0] ?? fix(memory, at);
  const { hits, more } = memory.recall(
    args.requiredText("query"),
    optional({
      ...at,
      scope: args.text("scope"),
      inherit: args.flag("inherit"),
      kinds: kindsOf(args.texts("kinds")),
      limit: Math.min(shown + limit, MOST_ITEMS),
      validity: validityOf(args.text("validity")),
      halfLifeMs: args.number("halfLifeMs"),
      minConfidence: args.number("minConfidence"),
      tags: args.texts("tags"),
    }),
  );
  const items = hits.slice(shown).map(hitJson);
  return fitPage(items, more, budgetOf(args), (some, isMore) => ({
    hits: some,
    knownTx: fixed.tx,
    more: isMore,
    ...cursorMember("recall", isMore && shown + some.length < MOST_ITEMS, shown + some.length, [fixed]),
  }));
}

/** What matched, with what tells whether to believe it; `get` returns all of the record. */
function hitJson({ record, text, score }: Hit): JsonObject {
  const { value, ...rest } = recordJsonParts(record);
  const { subject, predicate, tags, source, confidence, session, role } = value;
  const said = optional({ subject, predicate, tags, source, confidence, session, role });
  return { ...rest, text, score: Number(score.toPrecision(6)), ...said };
}

function recordJsonParts(record: Hit["record"]): { readonly [name: string]: unknown; readonly value: JsonObject } {
  const { id, kind, scope, validFrom, validTo, knownFrom, knownTo, tx, txTo, ...value } = recordJson(record);
  return { ...optional({ id, kind, scope, validFrom, validTo, knownFrom, knownTo, tx, txTo }), value };
}

function get(memory: Memory, args: Arguments): JsonObject {
  const id = args.requiredText("id");
  const record = memory.get(id, args.at);
  if (record === undefined) throw missing(memory, id);
  return fitReply({ record: recordJson(record) }, budgetOf(args));
}

/** Told apart, so that a caller knows where to look on. */
function missing(memory: Memory, id: string): LlmdbError {
  const versions = memory.history(id).length;
  return new LlmdbError(
    "LLMDB_NOT_FOUND",
    `nothing is believed of ${JSON.stringify(id)} at that point; history shows its ${versions} versions`,
    { id },
  );
}

function history(memory: Memory, args: Arguments): JsonObject {
  const shown = placeOf("history", args.any("cursor"), 0)?.shown ?? 0;
  const limit = args.count("limit", 20, 1, MOST_ITEMS);
  const id = args.requiredText("id");
  const versions = memory.history(id);
  if (versions.length === 0) throw notFound(id);
  const items = versions.slice(shown, shown + limit).map(recordJson);
  return fitPage(items, versions.length > shown + limit, budgetOf(args), (some, isMore) => ({
    id,
    count: versions.length,
    versions: some,
    ...cursorMember("history", isMore, shown + some.length, []),
  }));
}

function diff(memory: Memory, args: Arguments): JsonObject {
  const place = placeOf("diff", args.any("cursor"), 2);
  const limit = args.count("limit", 50, 1, MOST_ITEMS);
  const shown = place?.shown ?? 0;
  const points = place?.points ?? [fix(memory, args.object("from").at), fix(memory, args.object("to").at)];
  const changes = memory.diff(atOf(points[0]), atOf(points[1]), optional({ scope: args.text("scope") }));
  const items: JsonObject[] = [];
  let isMore = false;
  let count = 0;
  for (const change of changes) {
    if (++count <= shown) continue;
    if (items.length === limit) {
      isMore = true;
      break;
    }
    items.push(changeJson(change));
  }
  return fitPage(items, isMore, budgetOf(args), (some, more) => ({
    fromTx: points[0].tx,
    toTx: points[1].tx,
    changes: some,
    ...cursorMember("diff", more, shown + some.length, points),
  }));
}

function explain(memory: Memory, args: Arguments): JsonObject {
  const id = args.requiredText("id");
  const at = args.at;
  if (memory.get(id, at) === undefined) throw missing(memory, id);
  const { record, transaction, source, replaced, versions } = memory.explain(id, at);
  const { tx, time, meta } = transaction;
  const reply = {
    record: recordJson(record),
    transaction: { tx, ...timeMember("time", time), ...(meta === undefined ? {} : { meta: toJson(meta) }) },
    ...(source === undefined ? {} : { source }),
    replaced: replaced.map(recordJson),
    versions,
  };
  return fitReply(reply, budgetOf(args));
}

function transactions(memory: Memory, args: Arguments): JsonObject {
  const place = placeOf("transactions", args.any("cursor"), 0);
  const limit = args.count("limit", 20, 1, MOST_ITEMS);
  const reverse = args.flag("oldestFirst") !== true;
  // The cursor holds the last number that was shown: numbers of transactions never change.
  const after = reverse ? args.number("after") : (place?.shown ?? args.number("after"));
  const before = reverse ? (place?.shown ?? args.number("before")) : args.number("before");
  const items: JsonObject[] = [];
  for (const { tx, time, meta, changes } of memory.transactions(
    optional({ after, before, reverse, limit: limit + 1 }),
  )) {
    const about = meta === undefined ? {} : { meta: toJson(meta) };
    items.push({ tx, ...timeMember("time", time), ...about, count: changes.length, changes: changes.map(plainChange) });
  }
  const isMore = items.length > limit;
  return fitPage(items.slice(0, limit), isMore, budgetOf(args), (some, more) => ({
    transactions: some,
    ...cursorMember("transactions", more, Number(some.at(-1)?.tx ?? 0), []),
  }));
}

function plainChange({ op, id }: { readonly op: string; readonly id: string }): JsonObject {
  return { op, id };
}

function status(memory: Memory, args: Arguments): JsonObject {
  const { db, root } = memory;
  const order = ORDER.in(db);
  const scopes = scopesBelow(db, root);
  const records = KINDS.map((kind) => {
    const counts = scopes.map(([, scope]) => order.count({ prefix: [scope, kind] }));
    return [kind, counts.reduce((sum, count) => sum + count, 0)] as const;
  });
  const own = { records: Object.fromEntries(records), scopes: scopes.length };
  const now = timeText(fileStorage.now());
  const figures = root === "" ? { ...ofFile(db), ...own } : { scope: root, ...own, ...lastChange(memory) };
  return fitReply(optional({ ...figures, now }), budgetOf(args));
}

/** What is said of the file to those who may see all of it. */
function ofFile(db: Memory["db"]): JsonObject {
  const { lastTx, fileBytes } = db.stats();
  let lastTime: string | undefined;
  for (const { time } of db.transactions({ reverse: true, limit: 1 })) lastTime = timeText(time);
  const older = db.recovered.logMissing ? { logMissing: true } : {};
  return { file: db.path, lastTx, lastTime, fileBytes, holder: process.pid, ...older };
}

/** The last transaction that changed something in the scope. */
function lastChange(memory: Memory): JsonObject {
  if (scopesBelow(memory.db, memory.root).length === 0) return {};
  for (const { tx, time } of memory.transactions({ reverse: true, limit: 1 })) {
    return { lastTx: tx, ...timeMember("lastTime", time) };
  }
  return {};
}

/** The same point for the pages that follow. */
function fix(memory: Memory, at: At): FixedPoint {
  const validAt = at.validAt === undefined ? timeText(fileStorage.now()) : String(at.validAt);
  return { tx: memory.db.asOf(at).knownTx, validAt: validAt ?? "" };
}

function cursorMember(tool: string, isMore: boolean, shown: number, points: readonly FixedPoint[]): JsonObject {
  return isMore ? { cursor: cursorOf(tool, { shown, points }) } : {};
}

function kindsOf(names: readonly string[] | undefined): RecordKind[] | undefined {
  return names?.map((name) => {
    const kind = KINDS.find((known) => known === name);
    if (kind === undefined) throw new LlmdbError("LLMDB_INVALID_ARGUMENT", `kinds are ${KINDS.join(", ")}`);
    return kind;
  });
}

function validityOf(name: string | undefined): "only" | "prefer" | "any" | undefined {
  if (name === undefined || name === "only" || name === "prefer" || name === "any") return name;
  throw new LlmdbError("LLMDB_INVALID_ARGUMENT", "validity is only, prefer or any");
}
