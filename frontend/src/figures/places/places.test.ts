import { expect, test } from "vitest";
import { beside, lay, type Place } from "./places";

const place = (key: string, x: number, y: number): Place => ({
  key,
  x,
  y,
  xRef: "",
  yRef: "",
  tone: 0,
  label: key,
  faded: false,
});
const all = [place("a", 0, 0), place("b", 2, 0.5), place("c", 1, 3), place("d", -4, 0)];

test("both axes have one scale, and every picture stands inside", () => {
  const laid = lay(all, 400, 200);
  expect(laid.left(2) - laid.left(0)).toBeCloseTo(2 * laid.scale);
  expect(laid.top(0) - laid.top(3)).toBeCloseTo(3 * laid.scale);
  for (const { x, y } of all) {
    expect(laid.left(x)).toBeGreaterThanOrEqual(laid.side / 2);
    expect(laid.left(x)).toBeLessThanOrEqual(400 - laid.side / 2);
    expect(laid.top(y)).toBeGreaterThanOrEqual(laid.side / 2);
    expect(laid.top(y)).toBeLessThanOrEqual(200 - laid.side / 2);
  }
});

test("one picture alone stands in the middle", () => {
  const laid = lay([all[0]!], 100, 80);
  expect([laid.left(0), laid.top(0)]).toEqual([50, 40]);
});

test("arrows go to the nearest in their direction, and stay where there is none", () => {
  expect(beside(all, all[0]!, "ArrowRight")?.key).toBe("b");
  expect(beside(all, all[0]!, "ArrowUp")?.key).toBe("c");
  expect(beside(all, all[0]!, "ArrowLeft")?.key).toBe("d");
  expect(beside(all, all[0]!, "ArrowDown")?.key).toBe("a");
  expect(beside(all, all[0]!, "Enter")).toBeNull();
});
