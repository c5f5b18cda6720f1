/**
 * What keeps the code readable and can be checked: files open with what they guarantee, stay short, are named for one
 * noun, leave nothing undone, and the README's tour leads to what is there.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { root, type Source, sourcesIn } from "./sources.js";
import { anyTypesOf, functionsOf, textsOf } from "./syntax.js";

const maxLines = 500;
const aimLines = 400;
const maxColumns = 120;

const sources = sourcesIn(".", /\.([cm]?[jt]s)$/);

/** The paths of the sources that `broken` says something about, with what it says. */
function problems(broken: (source: Source) => string | undefined): string[] {
  return sources.flatMap((source) => {
    const what = broken(source);
    return what === undefined ? [] : [`${source.path}: ${what}`];
  });
}

/** The first line that `broken` matches, numbered. */
function firstLine(text: string, broken: (line: string) => boolean): string | undefined {
  const lines = text.split("\n");
  const index = lines.findIndex(broken);
  return index < 0 ? undefined : `line ${index + 1}: ${lines[index].trim().slice(0, 80)}`;
}

test("each file opens with a comment that says what it is", () => {
  const opens = /^(#![^\n]*\n)?\/\*\*\s*\S/;
  expect(problems(({ text }) => (opens.test(text) ? undefined : "does not open with /** … */"))).toEqual([]);
});

test(`no file is longer than ${maxLines} lines`, () => {
  const lengths = sources.map(({ path, text }) => ({ path, lines: text.trimEnd().split("\n").length }));
  const long = lengths.filter(({ lines }) => lines > aimLines);
  for (const { path, lines } of long) console.warn(`${path}: ${lines} lines, the aim is ${aimLines}`);
  expect(long.filter(({ lines }) => lines > maxLines)).toEqual([]);
});

test("no file is named for what it might hold", () => {
  const vague = /^(utils?|helpers?|managers?|common|misc)\b|[-_.](utils?|helpers?|manager)\./i;
  expect(problems(({ path }) => (vague.test(basename(path)) ? "name it after its noun" : undefined))).toEqual([]);
});

test("nothing is left undone", () => {
  const undone = /\b(TO[D]O|FIX[M]E|XX[X])\b/; // in brackets, so that this line is not one
  expect(problems(({ text }) => firstLine(text, (line) => undone.test(line)))).toEqual([]);
});

test(`no line is longer than ${maxColumns} columns`, () => {
  const long = (line: string): boolean => line.length > maxColumns && !/https?:\/\//.test(line);
  expect(problems(({ text }) => firstLine(text, long))).toEqual([]);
});

test("no type is any", () => {
  expect(
    problems((source) => {
      const [first] = anyTypesOf(source);
      return first && `line ${first.line}: any`;
    }),
  ).toEqual([]);
});

const maxFunctionLines = 70;
const maxParameters = 6;

/** Functions that are longer, and why. */
const longFunctions: ReadonlyMap<string, string> = new Map([
  ["engine/ascii.ts asciiText", "one case a length, because the number of arguments must be known"],
  ["wasm/added-functions.ts writeGrow", "one function of WebAssembly, an instruction a line"],
]);
/** Functions that take more, and why. Those of `btree/` may all: a place in a page as an object would be allocated. */
const wideFunctions: ReadonlyMap<string, string> = new Map([
  ["engine/leaf-copy.ts copyLeaf", "as in btree/: nothing is allocated for a page"],
  ["engine/entry-change.ts putEntry", "as in btree/: nothing is allocated for an entry"],
  ["mvcc/page-store.ts constructor", "what it is made of"],
  ["engine/open.ts makeEngine", "what it is made of"],
]);
const shipped = sources.filter(
  ({ path }) => /^(index\.ts|[a-z]+\/)/.test(path) && !/^(test|bench|examples|scripts|docs)\//.test(path),
);

test(`no function is longer than ${maxFunctionLines} lines`, () => {
  const long = shipped.flatMap((source) =>
    functionsOf(source)
      .filter(({ name, lines }) => lines > maxFunctionLines && !longFunctions.has(`${source.path} ${name}`))
      .map(({ name, line, lines }) => `${source.path}:${line}: ${name} has ${lines} lines`),
  );
  expect(long).toEqual([]);
});

test(`no function has more than ${maxParameters} parameters, but where nothing may be allocated`, () => {
  const wide = shipped
    .filter(({ path }) => !path.startsWith("btree/"))
    .flatMap((source) =>
      functionsOf(source)
        .filter(({ name, parameters }) => parameters > maxParameters && !wideFunctions.has(`${source.path} ${name}`))
        .map(({ name, line, parameters }) => `${source.path}:${line}: ${name} has ${parameters} parameters`),
    );
  expect(wide).toEqual([]);
});

test("self-check: long and wide functions are found", () => {
  const body = Array.from({ length: maxFunctionLines }, () => "  f();").join("\n");
  const text = `class A {\n  wide(a, b, c, d, e, f, g) {}\n}\nconst long = () => {\n${body}\n};`;
  const found = functionsOf({ path: "engine/synthetic.ts", text });
  expect(found).toEqual([
    { line: 2, name: "wide", lines: 1, parameters: 7 },
    { line: 4, name: "long", lines: maxFunctionLines + 2, parameters: 0 },
  ]);
});

/** Phrases that stop a native reader; docs/glossary.md has what to say instead. */
const dialect = new RegExp(
  [
    /\b(so many (?!that)|whoever\b|nobody\b|anew\b|for ever\b|of its own accord)/,
    /\b(beside (?!the point)|but for (?!the fact)|(lies?|stands?) (in|at|beside|behind) )/,
    /(?<!there )\b(is|are) none\b(?! of)/,
  ]
    .map(({ source }) => source)
    .join("|"),
  "i",
);

/** Where a text speaks the dialect, one line each. */
function dialectIn(path: string, lines: readonly { readonly line: number; readonly text: string }[]): string[] {
  return lines.flatMap(({ line, text }) => {
    const found = dialect.exec(text);
    return found === null ? [] : [`${path}:${line}: "${found[0].trim()}"`];
  });
}

test("what users read is plain English: documents", () => {
  const pages = ["README.md", "PERFORMANCE.md", "CONTRIBUTING.md", "SECURITY.md", "AGENTS.md"];
  const docs = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  const found = [...pages, ...docs.map((name) => `docs/${name}`)].flatMap((path) => {
    const lines = readFileSync(join(root, path), "utf8").split("\n");
    return dialectIn(
      path,
      lines.map((text, index) => ({ line: index + 1, text })),
    );
  });
  expect(found).toEqual([]);
});

test("what users read is plain English: errors, helps, descriptions", () => {
  expect(shipped.flatMap((source) => dialectIn(source.path, textsOf(source)))).toEqual([]);
});

test("self-check: the dialect is found, in texts only", () => {
  const throwing = "throw new E(`at most so many $" + "{n}, or for ever`);";
  const text = `import { x } from "./beside me.js";\n// so many bytes\n${throwing}`;
  expect(dialectIn("a.ts", textsOf({ path: "a.ts", text }))).toEqual(['a.ts:3: "so many"', 'a.ts:3: "for ever"']);
});

const readme = join(root, "README.md");
const tour = existsSync(readme) ? sectionOf(readFileSync(readme, "utf8"), "Reading the source") : undefined;

test.skipIf(tour === undefined)("the README's tour leads to what is there", () => {
  const places = placesIn(tour!);
  expect(places.length).toBeGreaterThan(0);
  expect(places.filter((place) => !existsSync(join(root, place)))).toEqual([]);
});

test("self-check: a tour's folders, files and links are found", () => {
  const text =
    "# A\n## Reading the source\nStart at `pager/`, see [the tree](btree/node.ts) and `a + b`.\n## Next\n`no/`";
  expect(placesIn(sectionOf(text, "Reading the source")!)).toEqual(["pager/", "btree/node.ts"]);
});

/** The text under a heading, up to the next heading of the same or a higher rank. */
function sectionOf(markdown: string, title: string): string | undefined {
  const heading = new RegExp(`^(#+) +${title} *$`, "im").exec(markdown);
  if (heading === null) return undefined;
  const rest = markdown.slice(heading.index + heading[0].length);
  const end = rest.search(new RegExp(`^#{1,${heading[1].length}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** Folders and files that a text names: in backticks with a slash, or as the target of a relative link. */
function placesIn(markdown: string): string[] {
  const named = /`((?:[\w.-]+\/)+[\w.-]*)`|\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g;
  return [...markdown.matchAll(named)].map((match) => match[1] ?? match[2]).filter((place) => !/^llmdb\//.test(place));
}

test("a test that starts processes, or changes what a process has once, does not run in a thread", () => {
  const alone = /^import .*"(node:)?child_process"|\bprocess\.(chdir|umask|abort)\(|\bvi\.(mock|useFakeTimers)\(/m;
  const shares = sources.filter(
    ({ path }) => /^test\/.*\.test\.ts$/.test(path) && !/\.(process|isolated|long)\.test/.test(path),
  );
  const wrong = shares.filter(({ path, text }) => path !== "test/tidy.test.ts" && alone.test(text));
  expect(wrong.map(({ path }) => `${path}: name it *.process.test.ts`)).toEqual([]);
});
