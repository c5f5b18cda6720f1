/**
 * The stems of English words, as the published sample vocabulary has them. The whole of it, 42,649 words, was compared
 * once; here is a word or more for each rule.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { stemEnglish } from "../../../models/text/stemmer.js";
import { effort } from "../../effort.js";

const stems: Record<string, string> = {
  caresses: "caress",
  ties: "tie",
  cries: "cri",
  gas: "gas",
  this: "this",
  gaps: "gap",
  kiwis: "kiwi",
  focus: "focus",
  agreed: "agre",
  succeed: "succeed",
  luxuriating: "luxuri",
  hopping: "hop",
  hoping: "hope",
  adding: "add",
  egged: "egg",
  dying: "die",
  evening: "evening",
  herrings: "herring",
  cry: "cri",
  by: "by",
  say: "say",
  rational: "ration",
  relational: "relat",
  conditional: "condit",
  possibly: "possibl",
  organization: "organiz",
  organic: "organic",
  formalism: "formal",
  hopefulness: "hope",
  decisiveness: "decis",
  sensibility: "sensibl",
  geologist: "geolog",
  geology: "geolog",
  carefully: "care",
  quickly: "quick",
  triplicate: "triplic",
  electrical: "electr",
  goodness: "good",
  formative: "format",
  revival: "reviv",
  allowance: "allow",
  adjustment: "adjust",
  adoption: "adopt",
  probate: "probat",
  rate: "rate",
  controlling: "control",
  generate: "generat",
  general: "general",
  university: "universiti",
  universe: "univers",
  past: "past",
  paste: "paste",
  skies: "sky",
  skis: "ski",
  news: "news",
  only: "onli",
  "user's": "user",
  youth: "youth",
  yyyy: "yyyi",
};

test.each(Object.entries(stems))("%s is %s", (word, stem) => {
  expect(stemEnglish(word)).toBe(stem);
});

test.each([
  ["migrate", "migrated", "migrates", "migrating", "migration", "migrations"],
  ["deploy", "deployed", "deploying", "deploys"],
  ["prefer", "preferred", "prefers", "preferring"],
])("%s and its forms are one", (...forms) => {
  expect(new Set(forms.map(stemEnglish)).size).toBe(1);
});

test.each(["", "a", "is", "café", "naïvely", "sha256", "東京", "USERS"])("%j is left alone", (word) => {
  expect(stemEnglish(word)).toBe(word);
});

test("any word has a stem that is not longer than the word by more than a letter", () => {
  const words = fc.string({ unit: fc.constantFrom(..."aeiouybdglnstz'"), minLength: 1, maxLength: 14 });
  const check = (word: string): void => {
    const stem = stemEnglish(word);
    expect(stem).not.toBe("");
    expect(stem.length).toBeLessThanOrEqual(word.length + 1);
  };
  fc.assert(fc.property(words, check), { numRuns: effort(500) });
});
