/** Pictures of slices: whole as XML, with every slice in them, and the same every time. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type DrawingOptions, drawVersions, openMemory, type Version } from "../../index.js";
import { effort } from "../effort.js";

const DAY = 86_400_000;

/** A slice with what a test does not care about filled in. */
function slice(part: Partial<Version<unknown>>): Version<unknown> {
  const times = { validFrom: 0, validTo: DAY, knownFrom: 0, knownTo: Infinity };
  return { key: "k", value: "v", txFrom: 1, txTo: Infinity, origin: 1, ...times, ...part };
}

/** Demands that a text is one XML element with all that is opened closed, and returns the names of the elements. */
function elementsOf(xml: string): string[] {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML does not allow
  expect(xml).not.toMatch(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
  expect(xml.isWellFormed()).toBe(true);
  const open: string[] = [];
  const names: string[] = [];
  const token = /<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*")*)(\/?)>|([^<]+)/gy;
  for (let match = token.exec(xml); match !== null; match = token.exec(xml)) {
    const [, closing, name, , selfClosing, text] = match;
    if (text !== undefined) {
      expect(text.replace(/&(amp|lt|gt|quot|#39);/g, "")).not.toContain("&");
    } else if (closing === "/") expect(open.pop()).toBe(name);
    else {
      if (open.length === 0) expect(names).toEqual([]);
      names.push(name);
      if (selfClosing === "") open.push(name);
    }
    if (token.lastIndex === xml.length) break;
  }
  expect(open).toEqual([]);
  expect(token.lastIndex).toBe(xml.length);
  return names;
}

function count(svg: string, part: string): number {
  return svg.split(part).length - 1;
}

function numbersIn(svg: string): number[] {
  const shapes = [...svg.matchAll(/<(?:rect|circle|path|text)[^>]*>/g)].map(([shape]) => shape).join();
  return [...shapes.matchAll(/ (?:x|y|cx|cy|width|height)="([^"]*)"/g)].map(([, number]) => Number(number));
}

test("every slice has its rectangle, and arrows where it is open", () => {
  const db = openMemory({ clock: () => Date.parse("2026-01-01") });
  db.putSync("k", "v1", { validFrom: "2020" });
  db.updateSync("k", () => "v2", { validFrom: "2022", validTo: "2024" });
  db.deleteSync("k", { validFrom: "2023", validTo: "2025" });
  const versions = db.versions("k");
  for (const known of ["time", "tx"] as const) {
    const svg = drawVersions(versions, { known });
    const names = elementsOf(svg);
    expect(names.slice(0, 2)).toEqual(["svg", "title"]);
    expect(count(svg, 'class="llmdb-slice')).toBe(versions.length);
    const open = versions.flatMap(({ validTo, txTo }) => [validTo, txTo]).filter((end) => end === Infinity);
    expect(count(svg, 'class="llmdb-arrow"')).toBe(open.length);
    expect(drawVersions(versions, { known })).toBe(svg);
  }
  expect(drawVersions(versions)).toContain(">2024-01-01</text>");
  expect(drawVersions(versions, { known: "tx" })).toContain(">tx 2</text>");
  db.closeSync();
});

test("values are cut to fit and escaped, and have one colour each", () => {
  const evil = `<script>alert("&'")</script>\u0000\ud800\uffff`;
  const versions = [
    slice({ value: evil, validTo: 10 * DAY }),
    slice({ value: { name: "x".repeat(500) }, validFrom: 10 * DAY, validTo: 20 * DAY }),
    slice({ value: evil, validFrom: 20 * DAY, validTo: 30 * DAY }),
    slice({ value: 10n, validFrom: 30 * DAY, validTo: 40 * DAY }),
    slice({ value: new Uint8Array(3), validFrom: 40 * DAY, validTo: 50 * DAY }),
  ];
  const svg = drawVersions(versions, { title: "a < b & c" });
  elementsOf(svg);
  expect(svg).not.toContain("<script");
  expect(svg).toContain("<title>a &lt; b &amp; c</title>");
  expect(svg).toContain("&lt;script&gt;alert(&quot;&amp;&#39;&quot;)");
  expect(svg).toMatch(/>\{&quot;name&quot;[^<]*…<\/text>/);
  expect(svg).toContain(">3 bytes</text>");
  const colours = [...svg.matchAll(/llmdb-slice llmdb-(\d+)/g)].map(([, colour]) => colour);
  expect(colours[2]).toBe(colours[0]);
  expect(new Set(colours).size).toBe(4);
  // What else is drawn does not change a colour.
  expect(drawVersions(versions.slice(0, 1))).toContain(`llmdb-slice llmdb-${colours[0]}`);
});

test("nothing, and one instant", () => {
  const empty = drawVersions([]);
  elementsOf(empty);
  expect(empty).toContain(">no slices</text>");
  elementsOf(drawVersions([], { marks: [{ validAt: "2020", knownAt: "2021" }] }));
  const always = drawVersions([slice({ validFrom: -Infinity, validTo: Infinity })]);
  elementsOf(always);
  expect(count(always, 'class="llmdb-arrow"')).toBe(3);
  const short = drawVersions([slice({ validFrom: 5, validTo: 5.001, knownFrom: 7, knownTo: 7.001, txTo: 2 })]);
  elementsOf(short);
  expect(short).toContain("1970-01-01 00:00:00.005001");
});

test("marks are lines and points", () => {
  const versions = [slice({})];
  const svg = drawVersions(versions, {
    marks: [{ validAt: DAY / 2 }, { knownAt: DAY }, { validAt: 9 * DAY, knownAt: 0 }],
  });
  elementsOf(svg);
  expect(count(svg, 'class="llmdb-mark"')).toBe(4);
  expect(count(svg, 'class="llmdb-point"')).toBe(1);
  expect(count(drawVersions(versions, { known: "tx", marks: [{ tx: 3, validAt: 0 }] }), 'class="llmdb-point"')).toBe(1);
});

test.each([
  { width: 0 },
  { height: Number.NaN },
  { known: "later" },
  { marks: [{ tx: 1 }] },
  { marks: [{ validAt: Infinity }] },
  { known: "tx", marks: [{ knownAt: 1 }] },
  { label: "v" },
  { colour: "red" },
])("refused: %j", (options) => {
  expect(() => drawVersions([], options as DrawingOptions)).toThrow(
    expect.objectContaining({ code: "LLMDB_INVALID_ARGUMENT" }),
  );
});

test("whatever the slices are, the picture is whole and inside its frame", () => {
  const time = fc.oneof(
    fc.constantFrom(-9.2e15, -8.64e15, -1, 0, 0.001, 8.64e15, 9.2e15),
    fc.double({ min: -9.2e15, max: 9.2e15, noNaN: true }),
    fc.integer({ min: 0, max: 5e12 }),
  );
  const pair = fc.tuple(fc.oneof(time, fc.constant(-Infinity)), fc.oneof(time, fc.constant(Infinity)));
  const ordered = pair.filter(([from, to]) => from < to);
  const known = fc.tuple(time, fc.oneof(time, fc.constant(Infinity))).filter(([from, to]) => from < to);
  const txs = fc.tuple(fc.nat(1e6), fc.option(fc.integer({ min: 1, max: 1e9 }), { nil: Infinity }));
  const versions = fc.array(
    fc
      .record({ value: fc.string({ unit: "binary" }), valid: ordered, known, txs })
      .map(({ value, valid, known, txs }) =>
        slice({
          ...{ value, validFrom: valid[0], validTo: valid[1], knownFrom: known[0], knownTo: known[1] },
          ...{ txFrom: txs[0], txTo: txs[0] + txs[1] },
        }),
      ),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(versions, fc.constantFrom("time" as const, "tx" as const), (list, known) => {
      const svg = drawVersions(list, { known });
      elementsOf(svg);
      expect(count(svg, 'class="llmdb-slice')).toBe(list.length);
      expect(numbersIn(svg).every((number) => number >= 0 && number <= 720)).toBe(true);
      expect(count(svg, "<text")).toBeLessThan(80);
    }),
    { numRuns: effort(60) },
  );
});
