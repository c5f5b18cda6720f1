/** What the analyzer makes of the things that agents write down and look for, and of everything else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAnalyzer, english, plain } from "../../../models/text/analyzer.js";
import { effort } from "../../effort.js";

/** A text and the terms that `plain` finds in it. */
const cases: [text: string, terms: string][] = [
  ["Node.js", "nodejs node js"],
  ["v16.20.2", "16.20.2 v16 16 20 2"],
  ["16.20.2", "16.20.2 16 20 2"],
  ["V8", "v8 8"],
  ["C++, C# and F#.", "c++ c# and f#"],
  ["C++17", "c++ 17"],
  ["notepad++", "notepad++ notepad"],
  ["a++b issue #42", "a b issue 42"],
  ["user_id", "userid user id"],
  ["foo-bar", "foobar foo bar"],
  ["__init__", "init"],
  ["2024-04-30", "2024-04-30 2024 04 30"],
  ["10:30", "10 30"],
  ["getUserId", "getuserid get user id"],
  ["HTTPServer", "httpserver http server"],
  ["PostgreSQL", "postgresql postgre sql"],
  ["APIs, PDFs", "apis pdfs"],
  ["iOS", "ios"],
  ["16GB, p99", "16gb 16 gb p99 99"],
  ["gpt-4.1", "gpt41 4.1 gpt 4 1"],
  ["react@18.2.0", "react@18.2.0 18.2.0 react 18 2 0"],
  ["anna.schmidt@example.com", "anna.schmidt@example.com anna schmidt example com"],
  ["src/memory/analyzer.ts", "src memory analyzerts analyzer ts"],
  ["https://example.com/a-b?c=1#d", "https examplecom example com ab c 1 d"],
  ["don't", "dont"],
  ["the user's, the users'", "the user the users"],
  ["we’ll", "we"],
  ["l'équipe", "lequipe equipe"],
  ["O'Brien's", "obrien brien"],
  ["Café, Ångström, Straße, Łódź, İstanbul", "cafe angstrom strasse lodz istanbul"],
  ["ﬁle ２０２４", "file 2024"],
  ["ΣΊΣΥΦΟΣ ёлка йод", "σισυφοσ елка йод"],
  ["हिन्दी", "हिन्दी"],
  ["co\u00adoperate", "cooperate"],
  ["👍 ok 👩‍💻", "ok"],
  ["猫", "猫"],
  ["東京", "東京"],
  ["API를", "api 를"],
];

test.each(cases)("%s", (text, terms) => {
  expect(plain.terms(text)).toEqual(terms.split(" "));
});

describe("what is asked for is found in what was written", () => {
  test.each([
    ["userId", "user_id"],
    ["e-mail", "Email"],
    ["nodejs", "Node.js"],
    ["typescript", "TypeScript"],
    ["16.20.2", "Node v16.20.2"],
    ["v16", "v16.20.2"],
    ["example.com", "anna@example.com"],
    ["analyzer.ts", "/src/memory/analyzer.ts:12"],
    ["カレー", "カレーライスが好き"],
    ["京都", "東京都に住む"],
    ["猫", "猫の名前はミケ"],
    ["データベース", "データベースの移行は先月完了した"],
    ["烤鸭", "我喜欢吃北京烤鸭"],
    ["ข้าวผัด", "ผมชอบกินข้าวผัดมาก"],
    ["데이터베이스", "데이터베이스를 백업한다"],
  ])("%s in %s", (query, text) => {
    const terms = new Set(plain.terms(text));
    expect(plain.terms(query).some((term) => terms.has(term))).toBe(true);
  });

  test.each([
    ["which cities does the user prefer?", "The user prefers small cities."],
    ["deploying", "Deployments are frozen."],
    ["why did migrations fail", "The migration failed."],
  ])("by its stem: %s in %s", (query, text) => {
    expect(english.terms(text)).toEqual(expect.arrayContaining(english.terms(query)));
  });
});

test("stop words are left out, also when they are written as one with an ending", () => {
  expect(english.terms("What don't they know about us? It's cant, isn't it")).toEqual(["know", "us"]);
});

test("a part of an analyzer can be replaced", () => {
  const options = { stem: (word: string) => word.slice(0, 3), stopWords: new Set(["und"]), name: "short-1" };
  const short = createAnalyzer(options);
  expect(short.name).toBe("short-1");
  expect(short.terms("Katzen und Hunde 12345")).toEqual(["kat", "hun", "12345"]);
});

test("the names say which terms are meant", () => {
  expect([english.name, plain.name, createAnalyzer().name]).toEqual(["english-1", "plain-1", "plain-1"]);
  expect(createAnalyzer({ stopWords: new Set() }).name).toBe("custom");
});

const units = fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) });
const signs = fc.constantFrom(..."abzAZ019v-_.@'’+#/: ßéİΣσ\u0301\u0323東カー가กำ😀\ud800\u200d\ufe0f");
const texts = fc.oneof(
  fc.string({ unit: "binary", maxLength: 80 }),
  units,
  fc.string({ unit: signs, maxLength: 80 }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.constantFrom(..."aß1.𐐀東ก"), minLength: 60, maxLength: 140 }),
  fc.string({ unit: fc.constantFrom(..."aß𐐀"), minLength: 60, maxLength: 140 }),
  fc.string({ unit: fc.constantFrom(..."กำขา"), minLength: 30, maxLength: 140 }),
);

describe("for any text", () => {
  test("terms are never empty, never too long, and the same every time", () => {
    const again = createAnalyzer();
    const check = (text: string): void => {
      const terms = plain.terms(text);
      expect(again.terms(text)).toEqual(terms);
      for (const term of [...terms, ...english.terms(text)]) {
        expect(term.length).toBeGreaterThan(0);
        expect(term.length).toBeLessThanOrEqual(64);
      }
    };
    fc.assert(fc.property(texts, check), { numRuns: effort(500) });
  });

  test("a term finds itself", () => {
    const check = (text: string): void => {
      for (const term of plain.terms(text)) expect(plain.terms(term)).toContain(term);
    };
    fc.assert(fc.property(texts, check), { numRuns: effort(700) });
  });

  test("case does not matter where there is nothing to cut", () => {
    const words = fc.string({ unit: fc.constantFrom(..."abcxyz  éß"), maxLength: 40 });
    const check = (text: string): void => {
      expect(plain.terms(text.toUpperCase())).toEqual(plain.terms(text));
    };
    fc.assert(fc.property(words, check), { numRuns: effort(300) });
  });
});

describe("long texts take time in proportion", () => {
  test.each([
    "a",
    "aA",
    "a1",
    "a-",
    "1.",
    "a@",
    "a'",
    "a++",
    "+",
    "é",
    "a\u0301",
    "\u0301\u0323",
    "😀",
    "\ud800",
    "東",
    "カ",
    "ก",
    "ក",
    "가",
    "\ufdfa",
  ])("%j", (unit) => {
    const started = performance.now();
    english.terms(unit.repeat(200_000 / unit.length));
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  test("a megabyte of prose takes less than a second", () => {
    const prose = "The user moved to Lisbon in 2021, and prefers short answers to long ones. ".repeat(14_000);
    const started = performance.now();
    expect(english.terms(prose).length).toBeGreaterThan(14_000 * 5);
    expect(performance.now() - started).toBeLessThan(1_000);
  });
});
