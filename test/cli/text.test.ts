/** Values, times and keys as text, and back; tables. */
import { Writable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readKey, readValue, valueText } from "../../cli/arguments.js";
import { instantJson, instantText, readInstant } from "../../cli/instant-text.js";
import { safeLine } from "../../cli/safe-text.js";
import { Output } from "../../cli/streams.js";
import { cutTo, Table, textWidth } from "../../cli/table.js";
import { openMemory } from "../../index.js";

test("times are read back to the microsecond", async () => {
  const db = openMemory();
  const times = fc.oneof(
    fc.integer({ min: -8.8e15, max: 8.7e15 }).map((micros) => micros / 1000),
    fc.integer({ min: -8.64e15, max: 8.64e15 }),
    fc.constantFrom(9e15, -9e15, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 253402300799999.97),
  );
  fc.assert(
    fc.property(times, (time) => {
      const json = instantJson(time);
      const back = json === null ? time : typeof json === "string" ? readInstant(json) : json;
      const key = "k";
      if (time === Number.POSITIVE_INFINITY) return;
      db.putSync(key, 1, { validFrom: back });
      expect(db.versions(key, { tx: [lastTx(), Number.POSITIVE_INFINITY] }).at(-1)?.validFrom).toBe(time);
      db.eraseSync(key);
    }),
  );
  function lastTx(): number {
    return db.stats().lastTx;
  }
  expect(["2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z"].map((text) => instantText(Date.parse(text)))).toEqual([
    "2020-01-01",
    "2020-01-01T00:00:00.5Z",
  ]);
  expect(["2020", "1700000000000", "1.5", "-Infinity"].map(readInstant)).toEqual(["2020", 1.7e12, 1.5, -Infinity]);
});

test("text of keys and values is read back as the same", () => {
  const key = fc.oneof(
    fc.string(),
    fc.constantFrom("5", "null", '"q"', "[1]", "{}", '{"$bytes":""}', ""),
    fc.double({ noNaN: true }).map((number) => number + 0),
    fc.constantFrom(2 ** 53, -(2 ** 60), 1e20, 123456789012345680000),
    fc.bigInt().filter((number) => number > 2n ** 64n),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.oneof(fc.string(), fc.integer(), fc.uint8Array({ maxLength: 3 }))),
  );
  fc.assert(
    fc.property(key, (given) => {
      expect(readKey(valueText(given), {})).toEqual(given);
      expect(readValue(valueText(given), false)).toEqual(given);
    }),
  );
});

test("columns line up, also with wide characters, and long tables stream", async () => {
  let text = "";
  const out = new Output(
    new Writable({
      write: (chunk, _encoding, done) => {
        text += chunk;
        done();
      },
    }),
  );
  const table = new Table(out, ["key", "value"]);
  await table.row(["日本", "a\nb"]);
  await table.row(["e\u0301", "\u001b[1m"]);
  for (let i = 0; i < 500; i++) await table.row([`key ${i}`, "x"]);
  await table.end();
  await out.flush();
  const lines = text.split("\n");
  expect(lines).toHaveLength(504);
  expect(lines.slice(0, 3)).toEqual(["key      value", "日本     a\\nb", "e\u0301        \\u001b[1m"]);
  expect(textWidth("日本e\u0301")).toBe(5);
  expect(cutTo("日本語", 4)).toBe("日…");
  expect(safeLine("a\u2028b\u0085\t\r\n")).toBe("a\\u2028b\\u0085\\t\\r\\n");
});
