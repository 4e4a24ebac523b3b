import { afterEach, expect, test } from "vitest";
import english from "../texts/en.json";
import { said } from "./said";
import { spoken } from "./spoken.svelte";
import { text } from "./text";

const GERMAN = {
  "there is no {1} called {2}": "{1} {2} gibt es nicht",
  "there is no {1}": "es gibt kein {1}",
  "data set": "Datensatz",
  "it is slow": "es ist langsam",
  "Wait.": "Warten.",
};
const speak = (said: Record<string, string>, texts: Partial<typeof english> = {}): void =>
  spoken.take({ texts, said });
afterEach(() => speak({}));

test("a sentence is known by its most particular template, and a word of ours in it, too", () => {
  speak(GERMAN);
  expect(said("there is no data set called 'x (y)'")).toBe("Datensatz 'x (y)' gibt es nicht");
  expect(said("there is no step 7")).toBe("es gibt kein step 7");
});

test("remarks in a row are told one by one, and an unknown one as it was said", () => {
  speak(GERMAN);
  expect(said("it is slow; nobody knows why. Wait.")).toBe("es ist langsam; nobody knows why. Warten.");
  expect(said("Nobody knows. Wait.")).toBe("Nobody knows. Warten.");
  expect(said("")).toBe("");
  speak({});
  expect(said("it is slow")).toBe("it is slow");
});

test("what a language lacks is said in English", () => {
  speak({}, { "theme.toggle": "Hell oder dunkel" });
  expect(text("theme.toggle")).toBe("Hell oder dunkel");
  expect(text("pad.undo")).toBe(english["pad.undo"]);
});
