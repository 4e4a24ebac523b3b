import { expect, test } from "vitest";
import { axisEnd, partAt, readAt, referTo, seriesOf, smoothAt, smoothed } from "./course";

const tensor = (shape: number[], data: number[]): { ref: string; shape: number[]; data: Float64Array } => ({
  ref: "run:a#0@x",
  shape,
  data: Float64Array.from(data),
});
// prettier-ignore
const tensors = [
  tensor([2, 3], [1, 11, 21, 10, 20, 21]),
  tensor([2, 3], [4, 3, 2, 8, 6, 4]),
  tensor([2, 3], [1, 2, 2, 1, 1, 4]),
  tensor([2, 3], [9, 4, 2, 9, 9, 4]),
  tensor([2, 3], [10, 10, 1, 10, 10, 1]),
];
const found = seriesOf([["loss", "norm"]], tensors);
const loss = found.get("loss")!;

test("series that were recorded together are told apart", () => {
  expect([...found.keys()]).toEqual(["loss", "norm"]);
  expect(Array.from(loss.mean)).toEqual([4, 3, 2]);
  expect(Array.from(found.get("norm")!.high)).toEqual([9, 9, 4]);
});

test("a part is found by any of its steps, and its address says what it stands for", () => {
  expect([1, 10, 11, 20, 21, 99].map((step) => partAt(loss, step))).toEqual([0, 0, 1, 1, 2, 2]);
  expect(referTo("a", loss, 1)).toBe("run:a/11-20#loss@mean");
  expect(referTo("a", loss, 1, "low")).toBe("run:a/11-20#loss@low");
  expect(readAt("a", loss, 30)).toEqual({ ref: "run:a/21#loss@value", value: 2, step: 21 });
  expect(partAt({ steps: [] }, 3)).toBe(-1);
});

test("smoothing is the mean of all records in the window", () => {
  const smooth = smoothed(loss, 15);
  expect(smooth.values[0]).toBe(4);
  expect(smooth.values[1]).toBe(3);
  expect(smooth.values[2]).toBeCloseTo((3 * 10 + 2) / 11);
  expect(smoothAt("a", loss, smooth, 21)!.ref).toBe("run:a/11-21#loss@mean");
  expect(smoothAt("a", loss, smoothed(loss, 1), 21)!.ref).toBe("run:a/21#loss@value");
});

test("the axis stands still while a run grows", () => {
  expect(axisEnd(120, 14_000)).toBe(200);
  expect(axisEnd(170, 14_000)).toBe(200);
  expect(axisEnd(7_000, 14_000)).toBe(14_000);
  expect(axisEnd(0, 14_000)).toBe(10);
  expect(axisEnd(430, 0)).toBe(500);
});
