import { expect, test } from "vitest";
import type { Collected } from "./collect";
import { refused } from "./refusing";

const pictures = (count: number): Collected["found"] =>
  Array.from({ length: count }, (_, i) => ({
    kind: "cat",
    name: `${i}.png`,
    file: new File([], `${i}.png`),
  }));
const given = (changes: Partial<Collected>): Collected => ({
  found: pictures(3),
  empty: [],
  loose: [],
  divided: false,
  ...changes,
});

test("what fits is taken", () => {
  expect(refused(given({}))).toBeNull();
  expect(refused(given({ found: pictures(2000), empty: ["dog"], loose: ["x.png"] }))).toBeNull();
});

test("ten thousand at once are told to stay where they are", () => {
  const told = refused(given({ found: pictures(10_000) }));
  expect(told?.what).toContain("10,000");
  expect(told?.why).toContain("2,000");
  expect(told?.todo).toMatch(/name the folder/i);
});

test("a divided folder, and pictures in no folder, are told apart", () => {
  expect(refused(given({ divided: true }))?.why).toContain("train and test");
  expect(refused(given({ found: [], loose: ["a.png", "b.png"] }))?.why).toContain("2");
});
