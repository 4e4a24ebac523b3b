import { expect, test } from "vitest";
import { line, nearest, upward, type Curve } from "./curves";

const curve = (steps: number[], low: number[], high = low): Curve => ({
  key: "loss",
  name: "loss",
  kind: "every",
  steps,
  low,
  high,
});

test("a logarithmic axis puts equal ratios at equal distances, and back", () => {
  const y = upward([curve([1, 2, 3], [0.1, 1, 10])], "log", 100);
  expect(y(0.1) - y(1)).toBeCloseTo(y(1) - y(10));
  expect(y.invert(y(3.7))).toBeCloseTo(3.7);
  expect(y.ticks).toEqual([0.1, 0.2, 0.5, 1, 2, 5, 10]);
});

test("a bucket is drawn from its least to its most; what is no number leaves a gap", () => {
  const flat = Object.assign((value: number) => 10 - value, { invert: (at: number) => 10 - at, ticks: [] });
  const path = line(curve([1, 2, 3, 4], [1, 2, NaN, 4], [1, 5, NaN, 4]), (step) => step, flat);
  expect(path).toBe("M1.00 9.00L2.00 8.00L2.00 5.00M4.00 6.00");
});

test("all the same value, or none at all, has an axis too", () => {
  for (const kind of ["log", "linear"] as const) {
    const y = upward([curve([1, 2], [0.5, 0.5])], kind, 80);
    expect(y(0.5)).toBeGreaterThan(0);
    expect(y(0.5)).toBeLessThan(80);
    expect(Number.isFinite(upward([curve([], [])], kind, 80)(1))).toBe(true);
  }
});

test("a narrow logarithmic axis has ticks between its decades", () => {
  expect(upward([curve([1, 2], [2.21, 2.33])], "log", 100).ticks).toEqual([2.25, 2.3]);
});

test("a score may begin below its axis", () => {
  const y = upward([curve([1, 2, 3, 4, 5], [0.1, 0.8, 0.82, 0.85, 0.9])], "linear", 100, 0.25);
  expect(y(0.8)).toBeGreaterThan(70);
  expect(y(0.1)).toBeGreaterThan(100);
});

test("the nearest record of a step", () => {
  expect(nearest({ steps: [10, 20, 30] }, 24)).toBe(1);
  expect(nearest({ steps: [10, 20, 30] }, 99)).toBe(2);
  expect(nearest({ steps: [] }, 1)).toBe(-1);
});
