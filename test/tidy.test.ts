/**
 * What keeps the code readable and can be checked: files open with what they guarantee, stay short, are named for one
 * noun, leave nothing undone, and the README's tour leads to what is there.
 */
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, test } from "vitest";
import { root, type Source, sourcesIn } from "./sources.js";
import { anyTypesOf } from "./syntax.js";

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

test("a test that starts processes, or changes what a process has once, has a process to itself", () => {
  const alone = /^import .*"(node:)?child_process"|\bprocess\.(chdir|umask|abort)\(|\bvi\.(mock|useFakeTimers)\(/m;
  const shares = sources.filter(
    ({ path }) => /^test\/.*\.test\.ts$/.test(path) && !/\.(process|long)\.test/.test(path),
  );
  const wrong = shares.filter(({ path, text }) => path !== "test/tidy.test.ts" && alone.test(text));
  expect(wrong.map(({ path }) => `${path}: name it *.process.test.ts`)).toEqual([]);
});
