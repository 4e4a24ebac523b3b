import { expect, test } from "vitest";
import { outline } from "./track";

test("the outline runs from the least value at the bottom to the most at the top, where its steps are", () => {
  const path = outline({ steps: [0, 25, 50], values: [3, 2, 1] }, 50, 10);
  expect(path).toBe("M0.00 10L0.00 0.00L50.00 5.00L100.00 10.00L100.00 10Z");
});

test("what is no number is left out, and of one value there is no outline", () => {
  expect(outline({ steps: [1, 2, 4], values: [1, NaN, 3] }, 4, 8)).toBe(
    "M25.00 8L25.00 8.00L100.00 0.00L100.00 8Z",
  );
  expect(outline({ steps: [1, 2], values: [NaN, 3] }, 4, 8)).toBe("");
  expect(outline({ steps: [1, 2], values: [3, 3] }, 4, 8)).toBe("");
  expect(outline({ steps: [], values: [] }, 4, 8)).toBe("");
});
