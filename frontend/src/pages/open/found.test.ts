import { expect, test } from "vitest";
import type { Detected, Detections } from "../../lib/messages";
import { above, asThreshold, placed } from "./found";

const one = (score: number, box: number[]): Detected => ({
  label: "cat",
  score: { ref: `scores[${score}]`, value: score },
  box: box.map((value, side) => ({ ref: `boxes[${score},${side}]`, value })),
});
const found = [one(0.9, [0, 0, 200, 100]), one(0.5, [50, 25, 100, 50]), one(0.1, [0, 0, 1, 1])];
const all: Detections = { width: 200, height: 100, count: 3, lowest: 0.05, found };

test("a box at the threshold is not above it", () => {
  expect(above(all, 0.5)).toEqual([found[0]]);
  expect(above(all, 0.09)).toEqual(found);
  expect(above(all, 0.95)).toEqual([]);
});

test("a box lies where it lies in the picture, small ones upon large ones", () => {
  const [large, small] = [placed(found[0]!, all), placed(found[1]!, all)];
  expect(large).toMatchObject({ left: 0, top: 0, width: 100, height: 100 });
  expect(small).toMatchObject({ left: 25, top: 25, width: 25, height: 25 });
  expect(small.order).toBeGreaterThan(large.order);
});

test("an address that names no threshold leaves the usual one", () => {
  expect([null, "", "x", "-1", "2", "0", "0.3"].map(asThreshold)).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0, 0.3]);
});
