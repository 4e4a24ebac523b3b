import { expect, test } from "vitest";
import { disguised, pseudo } from "../lib/pseudo";
import german from "./de.json";
import said from "./de.said.json";
import english from "./en.json";

type Texts = Record<string, string>;
const LANGUAGES: Record<string, Texts> = { de: german };

const slots = (words: string): string[] =>
  [...new Set([...words.matchAll(/\{(\w+)[|}]/g)].map((found) => found[1]!))].sort();
const strong = (words: string): number => words.split("*").length - 1;

for (const [language, texts] of Object.entries(LANGUAGES)) {
  test(`${language}.json says all that en.json says`, () => {
    const missing = Object.entries(english).filter(([key]) => !(key in texts));
    const lines = missing.map(([key, words]) => `  ${JSON.stringify(key)}: ${JSON.stringify(words)},`);
    expect(lines.join("\n"), `to be translated into ${language}.json; until then it is said in English`).toBe(
      "",
    );
    expect(Object.keys(texts).filter((key) => !(key in english))).toEqual([]);
  });

  test(`${language}.json fills in what en.json fills in`, () => {
    const shared = Object.entries(english).filter(([key]) => key in texts) as [string, string][];
    expect(shared.filter(([key, words]) => String(slots(words)) !== String(slots(texts[key]!)))).toEqual([]);
    expect(shared.filter(([key, words]) => strong(words) !== strong(texts[key]!))).toEqual([]);
    expect(shared.filter(([key, words]) => Boolean(words) !== Boolean(texts[key]))).toEqual([]);
  });
}

test("a sentence of the program keeps what it fills in", () => {
  const filled = (words: string): string => String([...words.matchAll(/\{\d\}/g)].map(String).sort());
  expect(Object.entries(said).filter(([from, into]) => filled(from) !== filled(into))).toEqual([]);
});

test("the disguise covers every letter but what is filled in", () => {
  expect(pseudo("After {step} {step|step|steps} *it* tells")).toBe(
    "⟦Áƒţéŕ {step} {step|šţéþ|šţéþš} *íţ* ţéļļš⟧",
  );
  const { texts } = disguised({ texts: english, said: {} });
  const bare = Object.values(texts).map((words) => words!.replace(/\{\w+[|}]/g, ""));
  expect(bare.filter((words) => /[a-z]/i.test(words))).toEqual([]);
});
