/**
 * Operations on a memory, as data, run on the memory and on the model. Guarantees: both refuse the same and return the
 * same.
 */
import fc from "fast-check";
import { expect } from "vitest";
import type { EntityValue, FactValue, RelationValue } from "../../memory/record.js";
import type { MemoryTransaction } from "../../memory/transaction.js";
import { type MemoryModel, type ModelSlice, Refusal } from "./model.js";

const words = ["ada", "acme", "node", "works", "lives", "oslo", "müsli", "İ"];
const names = ["ada", "acme", "Node"];
const scopes = [undefined, "a", "a/b", "ab"];
const ids = ["nodejs/16", "id", "x"];

const text = fc.array(fc.constantFrom(...words), { minLength: 1, maxLength: 5 }).map((list) => list.join(" "));
const name = fc.constantFrom(...names);
const scope = fc.constantFrom(...scopes);
const instant = fc.option(
  fc.integer({ min: -1, max: 7 }).map((i) => i * 1000),
  { nil: undefined },
);
/** Empty and reversed ones are rare, as they are refused. */
const period = fc.tuple(instant, instant, fc.integer({ min: 0, max: 9 })).map(([from, to, luck]) => {
  const isReversed = from !== undefined && to !== undefined && from >= to;
  return isReversed && luck > 0 ? { validFrom: to, validTo: from + 1 } : { validFrom: from, validTo: to };
});
const relation = fc.record({ from: name, to: name, relationType: fc.constantFrom("knows", "works for") });
const observations = fc.array(text, { maxLength: 3 });

const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("remember" as const),
      subject: fc.option(fc.constantFrom("ada", "acme", "id"), { nil: undefined, freq: 9 }),
      predicate: fc.option(fc.constantFrom("works", "x"), { nil: undefined }),
      object: fc.option(fc.oneof(text, fc.integer({ min: 0, max: 3 }), fc.constant(null), fc.record({ a: text })), {
        nil: undefined,
      }),
      text: fc.option(text, { nil: undefined, freq: 6 }),
      tags: fc.option(fc.array(fc.constantFrom("red", "oslo"), { maxLength: 2 }), { nil: undefined }),
      id: fc.option(fc.constantFrom(...ids), { nil: undefined, freq: 3 }),
      source: fc.option(fc.constantFrom("chat", "mail"), { nil: undefined }),
      many: fc.boolean(),
      scope,
      period,
    }),
  },
  {
    // Of so little that most of it is said again and again.
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant("remember" as const),
      subject: fc.constant("ada"),
      predicate: fc.constant("works"),
      object: fc.constantFrom("oslo", "acme"),
      text: fc.constant(undefined),
      tags: fc.option(fc.constant(["red"]), { nil: undefined, freq: 1 }),
      source: fc.option(fc.constantFrom("chat", "mail"), { nil: undefined }),
      id: fc.constant(undefined),
      many: fc.constant(false),
      scope: fc.constant(undefined),
      period,
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("forget" as const),
      which: fc.nat(),
      period,
    }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("erase" as const), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({ op: fc.constant("turn" as const), session: fc.constantFrom("s", "t"), text, scope }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("undo" as const), back: fc.integer({ min: 0, max: 4 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("entities" as const),
      list: fc.array(fc.record({ name, entityType: fc.constantFrom("person", "firm"), observations }), {
        maxLength: 3,
      }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("relations" as const), list: fc.array(relation, { maxLength: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant("observe" as const), name, observations }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("unobserve" as const), name, observations }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("deleteEntities" as const), list: fc.array(name) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("deleteRelations" as const), list: fc.array(relation) }) },
);

type Drawn<A> = A extends fc.Arbitrary<infer T> ? T : never;
export type Operation = Drawn<typeof operation>;
type OperationOf<K extends Operation["op"]> = Extract<Operation, { op: K }>;

/** A transaction of a history. */
export const transaction = fc.record({
  root: fc.constantFrom("", "", "a", "a/b"),
  operations: fc.array(operation, { minLength: 1, maxLength: 4 }),
  throws: fc.nat({ max: 9 }).map((n) => n === 0),
});

/** Runs one on both. What both refuse leaves nothing, and the transaction goes on. */
export function runBoth(tx: MemoryTransaction, model: MemoryModel, op: Operation): void {
  const root = tx.root;
  let expected: unknown;
  let refusal: unknown;
  try {
    expected = runModel(model, root, op);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    refusal = error;
  }
  if (refusal !== undefined) {
    expect(() => runMemory(tx, model, op), String(refusal)).toThrow();
    return;
  }
  expect(runMemory(tx, model, op)).toEqual(expected);
}

/** Any id that was ever used, of this scope or not. */
function pick(model: MemoryModel, which: number): string {
  const named = [...model.records.values()].flatMap((record) => record.named?.id ?? []);
  const all = ["none", ...model.allIds, ...named];
  return all[which % all.length];
}

function runMemory(tx: MemoryTransaction, model: MemoryModel, op: Operation): unknown {
  switch (op.op) {
    case "remember": {
      const { op: _, period, ...input } = op;
      const given = Object.fromEntries(
        Object.entries({ ...input, ...period }).filter(([, value]) => value !== undefined),
      );
      const { id, replaced, outcome } = tx.remember(given);
      return { id, replaced, outcome };
    }
    case "forget": {
      const { validFrom, validTo } = op.period;
      tx.forget(pick(model, op.which), {
        ...(validFrom === undefined ? {} : { validFrom }),
        ...(validTo === undefined ? {} : { validTo }),
      });
      return undefined;
    }
    case "erase":
      tx.forget(model.picked, { erase: true });
      return undefined;
    case "turn": {
      const { session, text, scope } = op;
      return tx.addTurn(session, { role: "user", text, ...(scope === undefined ? {} : { scope }) });
    }
    case "undo":
      return [...tx.undo(tx.id - op.back).restored].sort();
    case "entities":
      return tx.graph.createEntities(op.list);
    case "relations":
      return tx.graph.createRelations(op.list);
    case "observe":
      return tx.graph.addObservations([{ entityName: op.name, contents: op.observations }])[0].addedObservations;
    case "unobserve":
      return tx.graph.deleteObservations([{ entityName: op.name, observations: op.observations }]);
    case "deleteEntities":
      return tx.graph.deleteEntities(op.list);
    case "deleteRelations":
      return tx.graph.deleteRelations(op.list);
  }
}

function runModel(model: MemoryModel, root: string, op: Operation): unknown {
  switch (op.op) {
    case "remember":
      return remember(model, root, op);
    case "forget": {
      const id = requireReach(model, root, pick(model, op.which));
      const { validFrom = Number.NEGATIVE_INFINITY, validTo = Number.POSITIVE_INFINITY } = op.period;
      if (validFrom > validTo) throw new Refusal("validFrom after validTo");
      model.write(id, undefined, validFrom, validTo);
      return undefined;
    }
    case "erase": {
      model.picked = pick(model, op.which);
      model.erase(requireReach(model, root, model.picked));
      return undefined;
    }
    case "turn": {
      const path = join(root, op.scope);
      const index = model.turnIndex(path, op.session);
      const id = model.create("turn", path, [op.session, index]);
      model.write(id, { kind: "turn", session: op.session, index, role: "user", text: op.text }, model.now);
      return id;
    }
    case "undo":
      return model.undo(model.tx - op.back, root);
    default:
      return runGraph(model, root, op);
  }
}

function join(root: string, scope: string | undefined): string {
  if (scope === undefined) return root;
  return root === "" ? scope : `${root}/${scope}`;
}

function requireReach(model: MemoryModel, root: string, id: string): string {
  const found = model.find(root, id);
  if (found === undefined) throw new Refusal(`no record ${id}`);
  return found;
}

function remember(model: MemoryModel, root: string, input: OperationOf<"remember">): unknown {
  const { subject, predicate, object, text, tags, source } = input;
  const { validFrom = model.now, validTo = Number.POSITIVE_INFINITY } = input.period;
  if (object === undefined && text === undefined) throw new Refusal("nothing said");
  if (predicate !== undefined && subject === undefined) throw new Refusal("no subject");
  if (validFrom >= validTo) throw new Refusal("no time");
  const value: FactValue = {
    kind: "fact",
    ...(subject === undefined ? {} : { subject }),
    ...(predicate === undefined ? {} : { predicate }),
    ...(object === undefined ? {} : { object }),
    ...(text === undefined ? {} : { text }),
    ...(tags === undefined || tags.length === 0 ? {} : { tags }),
    ...(source === undefined ? {} : { source }),
  };
  const id = factId(model, root, input);
  const slices = model.slices(id);
  const isSame = (slice: ModelSlice) => statementOf(slice.value) === statementOf(value);
  const { from, until, cut } = stretchOf(slices, isSame, { ...input.period, now: model.now });
  const before = slices.filter((slice) => slice.from < until && from < slice.to);
  const isAgain = before.length > 0 && before.every(isSame);
  const isChanged = before.some((slice) => given(slice.value) !== given(value));
  const isCovered = [from, ...before.map((slice) => slice.to)].every(
    (at) => at >= until || before.some((slice) => slice.from <= at && at < slice.to),
  );
  const show = { id: model.shownId(id, root), replaced: before.map((slice) => slice.value) };
  show.replaced = show.replaced.filter((old) => given(old) !== given(value));
  if (isCovered && !isChanged && cut === undefined) {
    return { ...show, outcome: "unchanged" };
  }
  const firstKnown = isAgain ? Math.min(...before.map(firstKnownOf)) : model.now;
  const stored = firstKnown < model.now ? { ...value, firstKnown } : value;
  model.write(id, stored, from, until);
  if (cut !== undefined) model.write(id, undefined, until, cut);
  return { ...show, outcome: isAgain ? "again" : before.length > 0 ? "corrected" : "new" };
}

/** When what a slice says was said first. */
function firstKnownOf({ value, event }: ModelSlice): number {
  return value.kind === "fact" && value.firstKnown !== undefined ? value.firstKnown : event.now;
}

/** The stretch that is written, and up to where the statement is cut off after it. */
function stretchOf(
  slices: readonly ModelSlice[],
  isSame: (slice: ModelSlice) => boolean,
  { validFrom, validTo, now }: { validFrom?: number | undefined; validTo?: number | undefined; now: number },
): { from: number; until: number; cut?: number } {
  // The statement's periods: same slices that follow each other are one.
  const periods: { from: number; to: number }[] = [];
  for (const slice of slices.filter(isSame)) {
    const last = periods.at(-1);
    if (last?.to === slice.from) last.to = slice.to;
    else periods.push({ from: slice.from, to: slice.to });
  }
  const current = periods.find(({ from, to }) => validFrom === undefined && from <= now && now < to);
  let from = current?.from ?? validFrom ?? now;
  let until = validTo ?? current?.to ?? Number.POSITIVE_INFINITY;
  if (current !== undefined && until < current.to) return { from, until, cut: current.to };
  const met = periods.filter((period) => period.from < until && from < period.to);
  from = Math.min(from, ...met.map((period) => period.from));
  until = Math.max(until, ...met.map((period) => period.to));
  return { from, until };
}

/** What a caller gave, as text. */
function given(value: object): string {
  return JSON.stringify({ ...value, firstKnown: undefined });
}

/** Its subject, predicate, object and text, as text. */
function statementOf(value: object): string {
  const fields: Record<string, unknown> = { ...value };
  return JSON.stringify([fields.subject, fields.predicate, fields.object, fields.text]);
}

function factId(model: MemoryModel, root: string, input: OperationOf<"remember">): string {
  const { id, subject, predicate, object, text, many } = input;
  const path = join(root, input.scope);
  if (id !== undefined) {
    const known = model.find(root, id);
    if (known === undefined) return model.createGiven(root, path, id);
    const isElsewhere = input.scope !== undefined && model.records.get(known)?.scope !== path;
    if (isElsewhere) throw new Refusal("another scope");
    return known;
  }
  const identity = predicate !== undefined && !many ? [subject, predicate] : [subject, predicate, object, text];
  return model.identified("fact", path, identity)[0] ?? model.create("fact", path, identity);
}

function runGraph(
  model: MemoryModel,
  root: string,
  op: Exclude<Operation, { op: "remember" | "forget" | "erase" | "turn" | "undo" }>,
): unknown {
  switch (op.op) {
    case "entities": {
      const created = op.list.filter(({ name }) => entities(model, root, name).length === 0);
      for (const { name, entityType, observations } of created) {
        model.write(freeId(model, "entity", root, [name]), { kind: "entity", name, entityType, observations });
      }
      return created;
    }
    case "relations": {
      const created = op.list.filter((relation) => relations(model, root, relation).length === 0);
      for (const { from, to, relationType } of created) {
        const id = freeId(model, "relation", root, [from, to, relationType]);
        model.write(id, { kind: "relation", from, to, relationType });
      }
      return created;
    }
    case "observe": {
      const [known] = entities(model, root, op.name);
      if (known === undefined) throw new Refusal("no such entity");
      const added = op.observations.filter((one) => !known.value.observations.includes(one));
      const observations = [...known.value.observations, ...added];
      if (added.length > 0) model.write(known.id, { ...known.value, observations });
      return added;
    }
    case "unobserve": {
      const [known] = entities(model, root, op.name);
      if (known === undefined) return undefined;
      const observations = known.value.observations.filter((one) => !op.observations.includes(one));
      const isChanged = observations.length < known.value.observations.length;
      if (isChanged) model.write(known.id, { ...known.value, observations });
      return undefined;
    }
    case "deleteEntities": {
      model.settle();
      for (const name of new Set(op.list)) {
        for (const { id } of entities(model, root, name)) model.write(id, undefined);
        for (const id of model.known("relation", (scope) => scope === root)) {
          const value = model.slices(id).at(0)?.value;
          if (value?.kind === "relation" && (value.from === name || value.to === name)) model.write(id, undefined);
        }
      }
      return undefined;
    }
    case "deleteRelations":
      for (const relation of op.list) {
        for (const { id } of relations(model, root, relation)) model.write(id, undefined);
      }
      return undefined;
  }
}

function entities(model: MemoryModel, root: string, name: string): { id: string; value: EntityValue }[] {
  return model.identified("entity", root, [name]).flatMap((id) => {
    const value = model.at(id, model.now)?.value;
    return value?.kind === "entity" ? [{ id, value }] : [];
  });
}

function relations(
  model: MemoryModel,
  root: string,
  { from, to, relationType }: { from: string; to: string; relationType: string },
): { id: string; value: RelationValue }[] {
  return model.identified("relation", root, [from, to, relationType]).flatMap((id) => {
    const value = model.at(id, model.now)?.value;
    return value?.kind === "relation" ? [{ id, value }] : [];
  });
}

function freeId(model: MemoryModel, kind: "entity" | "relation", root: string, identity: string[]): string {
  const free = model.identified(kind, root, identity).find((id) => model.at(id, model.now) === undefined);
  return free ?? model.create(kind, root, identity);
}
