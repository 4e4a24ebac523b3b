import { expect, test } from "vitest";
import { waterfall } from "./waterfall";

test("each part starts where the one before it ended, and the last lands on the value", () => {
  const { falls } = waterfall([1.5, -2, 0.25], -0.25, 100);
  expect(falls.map(({ from, to }) => [from, to])).toEqual([
    [0, 1.5],
    [1.5, -0.5],
    [-0.5, -0.25],
  ]);
});

test("zero, the value and every running total lie inside the width", () => {
  const { x, falls } = waterfall([5, -9, 1], -3, 200);
  for (const total of [0, -3, ...falls.map((fall) => fall.to)]) {
    expect(x(total)).toBeGreaterThanOrEqual(0);
    expect(x(total)).toBeLessThanOrEqual(200);
  }
});
