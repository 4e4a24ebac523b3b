import { expect, test } from "vitest";
import { namesApart } from "./strip";

test("names stand in the middle of their rows, and never over one another", () => {
  const few = namesApart([{ name: "a", lines: 10 }, { name: "b", lines: 10 }], 3); // prettier-ignore
  expect(few).toEqual([
    { name: "a", top: 15 },
    { name: "b", top: 45 },
  ]);
  const many = namesApart(
    Array.from({ length: 50 }, (_, i) => ({ name: String(i), lines: 1 })),
    2,
  );
  expect(many.length).toBeGreaterThan(5);
  for (let i = 1; i < many.length; i++) expect(many[i]!.top - many[i - 1]!.top).toBeGreaterThanOrEqual(14);
});
