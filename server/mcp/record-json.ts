/**
 * Records as the native tools return them: one flat object, times as ISO texts, open ends and what is missing left
 * out. Guarantees: JSON can say all of it; what it has no form for, such as integers beyond 2^53, is in the forms of
 * the command line.
 */
import type { RecordChange } from "../../memory/history.js";
import type { MemoryRecord, RecordValue } from "../../memory/record.js";
import { toJson } from "../../models/values/json-forms.js";
import type { JsonObject } from "./schema.js";
import { timeMember } from "./time-text.js";

/** A record with its place on both time axes. */
export function recordJson(record: MemoryRecord): JsonObject {
  const { id, scope, value, validFrom, validTo, knownFrom, knownTo, tx, txTo } = record;
  const { kind, ...said } = valueJson(value);
  return {
    id,
    kind,
    ...(scope === undefined ? {} : { scope }),
    ...said,
    ...timeMember("validFrom", validFrom),
    ...timeMember("validTo", validTo),
    ...timeMember("knownFrom", knownFrom),
    ...timeMember("knownTo", knownTo),
    tx,
    ...(Number.isFinite(txTo) ? { txTo } : {}),
  };
}

/** What a record says. */
export function valueJson(value: RecordValue): JsonObject {
  if (value.kind !== "fact") return { ...value };
  const { firstKnown, ...said } = value;
  return {
    ...said,
    ...(said.object === undefined ? {} : { object: toJson(said.object) }),
    ...(firstKnown === undefined ? {} : timeMember("firstKnown", firstKnown)),
  };
}

export function changeJson({ id, kind, scope, before, after }: RecordChange): JsonObject {
  return {
    id,
    kind,
    ...(scope === undefined ? {} : { scope }),
    ...(before === undefined ? {} : { before: valueJson(before) }),
    ...(after === undefined ? {} : { after: valueJson(after) }),
  };
}
