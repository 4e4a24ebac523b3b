import { expect, test } from "vitest";
import { labels, plot, type Disc } from "./scatter";

const disc = (x: number, y: number, size = 1): Disc => ({
  key: `${x}`,
  label: "",
  tone: "other",
  form: "disc",
  x,
  y,
  size,
  ref: "",
});

test("equal ratios are equally far apart to the right, equal differences upward, and area is size", () => {
  const { x, y, radius } = plot([disc(0.7, 79), disc(20, 96)], 500, 260);
  expect(x(10) - x(1)).toBeCloseTo(x(1) - x(0.1));
  expect(y(80) - y(85)).toBeCloseTo(y(85) - y(90));
  expect(radius(60) ** 2 / radius(10) ** 2).toBeCloseTo(6);
});

test("all discs are inside, and ticks are round", () => {
  const { x, y, xTicks } = plot([disc(0.7, 79), disc(20, 96)], 500, 260);
  for (const at of [x(0.7), x(20)]) expect(at > 0 && at < 500).toBe(true);
  for (const at of [y(79), y(96)]) expect(at > 0 && at < 260).toBe(true);
  expect(xTicks).toEqual([0.5, 1, 2, 5, 10, 20]);
});

test("names stand beside their discs, none over another", () => {
  const two = [disc(1, 80), disc(1.02, 80.1)].map((one, i) => ({
    ...one,
    key: `${i}`,
    label: "a long name, 2014",
  }));
  const found = labels(two, plot(two, 500, 260), 500);
  expect(found).toHaveLength(2);
  const [one, other] = found;
  const apart = Math.abs(one!.left - other!.left) > 100 || Math.abs(one!.top - other!.top) >= 16;
  expect(apart).toBe(true);
});

test("a name goes where no other disc lies, if there is such a place", () => {
  const two = [disc(1, 80, 20), disc(1.25, 80, 20)].map((one) => ({ ...one, label: "a name" }));
  const drawn = plot(two, 500, 260);
  const [left] = labels(two, drawn, 500).filter(({ key }) => key === "1");
  const nearest = Math.hypot(
    Math.max(0, left!.left - drawn.x(1.25), drawn.x(1.25) - left!.left - 40),
    Math.max(0, left!.top - drawn.y(80), drawn.y(80) - left!.top - 16),
  );
  expect(nearest).toBeGreaterThan(drawn.radius(20));
});
