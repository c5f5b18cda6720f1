/** What models write: left-out arguments as null, values in quotes, times in their usual spellings. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { openMemory } from "../../index.js";
import { memoryTools } from "../../server/mcp/memory-tools.js";
import { moduleTools } from "../../server/mcp/module-tools.js";
import { check, isObject, type Schema } from "../../server/mcp/schema.js";
import { MemoryService } from "../../server/mcp/service.js";
import { readTime } from "../../server/mcp/time-argument.js";
import { timeText } from "../../server/mcp/time-text.js";
import { parseInstant } from "../../temporal/instant.js";
import { effort } from "../effort.js";
import { toolsOf } from "./tool-set.js";

const native = [...memoryTools, ...moduleTools];
const tools = toolsOf("all", { allowModules: true });

async function call(service: MemoryService, name: string, args: unknown) {
  const { structuredContent, content, isError } = await tools.call(service, name, args, {});
  return { structuredContent, text: content[0].text, isError };
}

/** Arguments with null for each that may be left out, at every depth. */
function withNulls(schema: Schema, given: { readonly [name: string]: unknown }): { [name: string]: unknown } {
  const { properties = {}, required = [] } = schema;
  return Object.fromEntries(
    Object.entries(properties).map(([name, inner]) => {
      const value = given[name];
      if (inner.properties !== undefined && (value !== undefined || required.includes(name))) {
        return [name, withNulls(inner, isObject(value) ? value : {})];
      }
      return [name, value ?? null];
    }),
  );
}

test("null for an argument that may be left out is as if it were not there, in each tool", async () => {
  const given: { readonly [name: string]: { readonly [name: string]: unknown } } = {
    remember: { text: "tea is ready" },
    recall: { query: "tea" },
    diff: { from: { tx: 0 } },
    undo: { tx: 1 },
    module_put: { base64: "AA==" },
    module_run: { module: "none" },
  };
  for (const { input, listing } of native) {
    const args = given[listing.name] ?? (input.required?.includes("id") ? { id: "f1" } : {});
    const [one, two] = [new MemoryService(openMemory()), new MemoryService(openMemory())];
    for (const service of [one, two]) await call(service, "remember", { text: "tea", validFrom: "2020" });
    const [plain, nulls] = [await call(one, listing.name, args), await call(two, listing.name, withNulls(input, args))];
    const withoutTimes = (text: string) => text.replace(/\d{4}-\d\d-\d\dT[\d:.]*Z/g, "time");
    expect(withoutTimes(nulls.text), listing.name).toBe(withoutTimes(plain.text));
    expect(nulls.isError).toBe(plain.isError);
  }
});

test("null is what is said of a subject where nothing else is", async () => {
  const service = new MemoryService(openMemory());
  const { structuredContent } = await call(service, "remember", { subject: "Ada", predicate: "car", object: null });
  const { id } = structuredContent ?? {};
  expect((await call(service, "get", { id })).structuredContent).toMatchObject({ record: { object: null } });
  const both = await call(service, "remember", { subject: "Ada", predicate: "bike", object: null, text: "a red one" });
  const record = await call(service, "get", { id: both.structuredContent?.id });
  expect(record.structuredContent?.record).not.toHaveProperty("object");
});

test.each<[string, Schema, unknown, unknown]>([
  ["a whole number in quotes", { type: "integer" }, "3", 3],
  ["a negative one", { type: "integer" }, " -3 ", -3],
  ["one written as a fraction", { type: "integer" }, "3.0", 3],
  ["a number in quotes", { type: "number" }, "0.5", 0.5],
  ["one with an exponent", { type: "number" }, "1e3", 1000],
  ["true in quotes", { type: "boolean" }, "true", true],
  ["as Python writes it", { type: "boolean" }, "False", false],
  ["one text for a list of texts", { type: "array", items: { type: "string" } }, "work", ["work"]],
  ["a list as a text", { type: "array", items: { type: "string" } }, '["a, b","c"]', ["a, b", "c"]],
  ["an option in capitals", { type: "string", enum: ["fact"] }, "Fact", "fact"],
  ["an object as a text", { type: "object", properties: { tx: { type: "integer" } } }, '{"tx":"3"}', { tx: 3 }],
  ["a bigint for a small number", { type: "integer" }, 3n, 3],
  ["a text that looks like a number", { type: "string" }, "3", "3"],
  ["a text that looks like a list", { type: "string" }, "[1]", "[1]"],
  ["any value, as it is", {}, "3", "3"],
])("%s", (_what, schema, value, read) => {
  expect(check(schema, value, "loose")).toEqual({ value: read });
  if (value !== read) expect("problems" in check(schema, value, "strict") || schema.type === undefined).toBe(true);
});

test.each<[string, Schema, unknown]>([
  ["a fraction for a whole number", { type: "integer" }, "3.5"],
  ["digits in groups", { type: "number" }, "1,000"],
  ["a hexadecimal number", { type: "number" }, "0x10"],
  ["an empty text for a number", { type: "number" }, ""],
  ["a number that is none", { type: "number" }, "NaN"],
  ["one beyond all", { type: "number" }, "1e999"],
  ["yes for true", { type: "boolean" }, "yes"],
  ["1 for true", { type: "boolean" }, 1],
  ["a list with commas, which may be one text", { type: "array", items: { type: "string" } }, "a, b"],
  ["one number for a list of numbers", { type: "array", items: { type: "number" } }, "3"],
  ["null in a list", { type: "array", items: { type: "string" } }, [null]],
  ["a number for a text", { type: "string" }, 3],
  ["another option", { type: "string", enum: ["fact"] }, "facts"],
  ["an object that is no JSON", { type: "object", properties: {} }, "{tx:3}"],
  ["a bigint beyond", { type: "integer" }, 2n ** 60n],
])("refused: %s", (_what, schema, value) => {
  expect(check(schema, value, "loose")).toHaveProperty("problems");
});

const micros = (text: string) => parseInstant(text, "it");

test.each([
  ["2026-03-29 02:30:00", "2026-03-29T02:30:00Z"],
  ["2026-03-29t02:30:00z", "2026-03-29T02:30:00Z"],
  ["2026-03-29T02:30:00+0200", "2026-03-29T00:30:00Z"],
  ["2026-03-29 02:30:00 +02", "2026-03-29T00:30:00Z"],
  ["2026-03-29T02:30:00\u221202:00", "2026-03-29T04:30:00Z"],
  ["2026-03-29 02:30 UTC", "2026-03-29T02:30:00Z"],
  ["2026-03-29 2:30", "2026-03-29T02:30:00Z"],
  ["2026-03-29T02:30:00+02:00[Europe/Berlin]", "2026-03-29T00:30:00Z"],
  ["20260329T023000Z", "2026-03-29T02:30:00Z"],
  ["20260329T0230", "2026-03-29T02:30:00Z"],
  ["20260329", "2026-03-29"],
  ["2026/3/9", "2026-03-09"],
  ["2026-3", "2026-03"],
  ["29 March 2026", "2026-03-29"],
  ["March 29, 2026", "2026-03-29"],
  ["Mar 29th 2026, 2:30", "2026-03-29T02:30:00Z"],
  ["29-Mar-2026", "2026-03-29"],
  ["Sun, 29 Mar 2026 02:30:00 GMT", "2026-03-29T02:30:00Z"],
  ["Sun Mar 29 2026 02:30:00 GMT+0200 (Central European Summer Time)", "2026-03-29T00:30:00Z"],
  ["2026-03-29T02:30:00,123456Z", "2026-03-29T02:30:00.123456Z"],
])("%s is %s", (given, meant) => {
  expect(micros(readTime(given, "it") ?? "")).toBe(micros(meant));
});

test.each([
  ["03/04/2026", "which may be 2026-03-04 or 2026-04-03"],
  ["29/03/2026", "which may be 2026-03-29"],
  ["3.4.2026", "which may be 2026-03-04 or 2026-04-03"],
  ["03/04/26", 'it is "03/04/26"; give'],
  ["last week", 'it is "last week"; give'],
  ["2026-02-30", "whose day its month does not have"],
  ["2026-2-30 10:00", "whose day its month does not have"],
  ["2026-03-29 25:00", "whose time of day is not"],
  ["2026-03-29 2:30 pm", "give ISO 8601"],
  ["2026-03-29 02:30 CET", "give ISO 8601"],
  ["1743215400000", "give ISO 8601"],
  ["2026 02:30", "give ISO 8601"],
  ["+290000-01-01", undefined],
  ["+300000-01-01", "out of range"],
  ["", "give ISO 8601"],
])("refused: %j", (given, why) => {
  if (why === undefined) return expect(readTime(given, "it")).toBe(given);
  expect(() => readTime(given, "it")).toThrow(why);
  expect(() => readTime(given, "it")).toThrow(/such as 2026-03-29 or 2026-03-29T02:30:00\+02:00; now is 20\d\d-.*Z$/);
});

test("each spelling of a time means the microsecond that it was made of", () => {
  const year2000to2100 = fc.integer({ min: 946_684_800_000, max: 4_102_444_800_000 });
  fc.assert(
    fc.property(
      year2000to2100,
      fc.integer({ min: 0, max: 999 }),
      fc.integer({ min: -56, max: 56 }),
      (ms, us, quarters) => {
        const meant = timeText(ms + us / 1000) ?? "";
        const local = (timeText(ms + us / 1000 + quarters * 900_000) ?? "").slice(0, -1);
        const sign = quarters < 0 ? "-" : "+";
        const hour = String(Math.floor(Math.abs(quarters) / 4)).padStart(2, "0");
        const minute = String((Math.abs(quarters) % 4) * 15).padStart(2, "0");
        const [day, clock] = local.split("T");
        for (const text of [
          `${local}${sign}${hour}:${minute}`,
          `${day} ${clock}${sign}${hour}${minute}`,
          `${day}t${clock} ${sign}${hour}${minute === "00" ? "" : minute}`,
          `${day.replaceAll("-", "/")} ${clock} UTC${sign}${hour}${minute}`,
          `${day.replaceAll("-", "")}T${clock.replaceAll(":", "")}${sign}${hour}:${minute}`,
          meant.toLowerCase(),
          ` ${meant} `,
        ]) {
          expect(micros(readTime(text, "it") ?? ""), text).toBe(micros(meant));
        }
      },
    ),
    { numRuns: effort(100) },
  );
});

test("now is the point that is asked about by default, and an end that something can have", async () => {
  const service = new MemoryService(openMemory());
  const { structuredContent } = await call(service, "remember", { text: "tea", validFrom: "2020", validTo: "now" });
  const asked = { query: "tea", validity: "any" };
  const found = await call(service, "recall", { ...asked, validAt: "now", knownAt: "Now" });
  expect(found.structuredContent).toMatchObject({ hits: [{ id: structuredContent?.id, validTo: /^20/ }] });
  expect((await call(service, "remember", { text: "milk", validFrom: "OPEN" })).isError).toBeUndefined();
});

test("no error over JSON names what JSON cannot hold", async () => {
  const service = new MemoryService(openMemory());
  await call(service, "remember", { text: "tea" });
  const foreign =
    /\b(Date|[Bb]ig[Ii]nt|Temporal|undefined|Infinity|NaN|[Ff]unction|Symbol|Uint8Array|Map|toWellFormed)\b/;
  const values = [
    undefined,
    null,
    true,
    1.5,
    -1,
    1e300,
    "",
    "soon",
    "2026-13-01",
    "+999999-01-01",
    "03/04/2026",
    [],
    [null],
  ];
  const odd = [...values, {}, { tx: 1 }, { validAt: "soon" }, { a: [{}] }, "\ud800", 2n ** 70n];
  for (const { listing, input } of native) {
    for (const name of Object.keys(input.properties ?? {})) {
      for (const value of odd) {
        const base = { query: "tea", id: "f1", from: { tx: 0 }, tx: 1, module: "none", text: "x" };
        const args = Object.fromEntries(
          Object.entries({ ...base, [name]: value }).filter(([key]) => Object.hasOwn(input.properties ?? {}, key)),
        );
        const { text, isError } = await call(service, listing.name, args);
        if (isError) expect(text, `${listing.name} ${name}`).not.toMatch(foreign);
        if (isError) expect(text, `${listing.name} ${name}`).toMatch(/^LLMDB_/);
      }
    }
  }
});

test("the tools of the reference server stay strict", async () => {
  const service = new MemoryService(openMemory());
  for (const [name, args] of [
    ["search_nodes", { query: null }],
    ["open_nodes", { names: "Ada" }],
    ["delete_entities", { entityNames: '["Ada"]' }],
  ] as const) {
    expect((await call(service, name, args)).text).toMatch(/^MCP error -32602: Input validation error/);
    const through = await toolsOf("start").call(service, "tools", { name, arguments: args }, {});
    expect(through.content[0].text).toMatch(/^MCP error -32602: Input validation error/);
  }
});
