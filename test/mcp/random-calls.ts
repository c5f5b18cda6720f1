/** Random sequences of calls of the tools of the reference server: from a seed, always the same. */
import fc from "fast-check";

export interface Call {
  readonly name: string;
  readonly arguments?: { [name: string]: unknown };
}

const common = fc.constantFrom(
  ...["Ada", "ada", "ADA", "Bob", "Acme Inc.", "Charles Babbage", "a", "b", "works at", "knows", "person", "company"],
  ...["", " ", "\n", "\0", '"\\', "\u2028", "__proto__", "constructor", "toString", "null", "-0", "ﬁ", "İstanbul", "ß"],
  ...["ΟΔΟΣ", "é", "e\u0301", "日本語", "😀", "👩‍👩‍👧", "\ud83d", "\ude00", "x\ud800y", "\udc00\ud800", "\uffff"],
  ...["\u{10D7FF}", "\u{10D7FF}\u{10D83D}", "\u{10D83D}", "\u{10FFFF}", "long ".repeat(400), "é".repeat(3000)],
);
const text = fc.oneof(
  { weight: 12, arbitrary: common },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 12 }) },
  { weight: 1, arbitrary: fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 }).map(fromUnits) },
);
const few = <T>(one: fc.Arbitrary<T>) => fc.array(one, { maxLength: 4 });
const texts = few(text);

const entity = fc.record({ name: text, entityType: text, observations: texts });
const relation = fc.record({ from: text, to: text, relationType: text });
const wrong: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(undefined, null, true, 7, -1.5, "text", [], {}, [[]], [null], [{}], [7], ["a", 1], { a: 1 }),
  few(fc.record({ name: fc.constantFrom("Ada", 7, null), observations: fc.constantFrom("x", [7], []), more: text })),
  few(fc.record({ entityName: text, contents: fc.constantFrom(null, ["x", {}], []), to: fc.constantFrom(1, "a") })),
);

const call = fc.oneof(
  { weight: 5, arbitrary: one("create_entities", { entities: few(entity) }) },
  { weight: 4, arbitrary: one("create_relations", { relations: few(relation) }) },
  {
    weight: 5,
    arbitrary: one("add_observations", {
      observations: fc.array(fc.record({ entityName: text, contents: texts }), { maxLength: 2 }),
    }),
  },
  { weight: 2, arbitrary: one("delete_entities", { entityNames: few(text) }) },
  {
    weight: 2,
    arbitrary: one("delete_observations", { deletions: few(fc.record({ entityName: text, observations: texts })) }),
  },
  { weight: 2, arbitrary: one("delete_relations", { relations: few(relation) }) },
  { weight: 1, arbitrary: one("read_graph", {}) },
  { weight: 4, arbitrary: one("search_nodes", { query: text }) },
  { weight: 3, arbitrary: one("open_nodes", { names: few(text) }) },
  { weight: 2, arbitrary: wrongCall() },
);

/** The calls of a seed. */
export function randomCalls(seed: number, count: number): Call[] {
  return fc.sample(call, { seed, numRuns: count });
}

function one(name: string, args: { [name: string]: fc.Arbitrary<unknown> }): fc.Arbitrary<Call> {
  return fc.record(args).map((given) => ({ name, arguments: given }));
}

function wrongCall(): fc.Arbitrary<Call> {
  const name = fc.constantFrom(
    ...["create_entities", "create_relations", "add_observations", "delete_entities", "delete_observations"],
    ...["delete_relations", "read_graph", "search_nodes", "open_nodes", "no_such_tool", "toString", ""],
  );
  const argument = fc.constantFrom(
    ...["entities", "relations", "observations", "entityNames", "deletions", "query", "names", "more"],
  );
  const args = fc.option(fc.dictionary(argument, wrong, { maxKeys: 3 }), { nil: undefined });
  return fc
    .tuple(name, args)
    .map(([tool, given]) => (given === undefined ? { name: tool } : { name: tool, arguments: given }));
}

function fromUnits(units: readonly number[]): string {
  return String.fromCharCode(...units);
}
