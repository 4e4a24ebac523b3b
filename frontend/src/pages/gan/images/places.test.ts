import { expect, test } from "vitest";
import { across, asInput, between, placeOf, read, sum, within, write } from "./places";

test("a place is written as it is read", () => {
  expect(
    write([
      [7, 1],
      [12, -0.5],
    ]),
  ).toBe("7,12*-0.5");
  expect(read("7,12*-0.5")).toEqual([
    [7, 1],
    [12, -0.5],
  ]);
  expect(read("a*2")).toBeNull();
  expect(read(null)).toBeNull();
  expect(placeOf(asInput("3"))).toBe("3");
  expect(placeOf("sample:3")).toBeNull();
});

test("between two draws noise keeps its length", () => {
  for (const share of [0, 0.25, 0.7, 1]) {
    const squares = read(between(1, 2, share))!.reduce((all, [, weight]) => all + weight ** 2, 0);
    expect(squares).toBeCloseTo(1, 2);
  }
  expect(read(sum(1, 2, 3))!.reduce((all, [, weight]) => all + weight ** 2, 0)).toBeCloseTo(1, 2);
});

test("a place in the plane is found again, another is not", () => {
  expect(within(across(4, 9, 0.5, -1.2), 4, 9)).toEqual({ x: 0.5, y: -1.2 });
  expect(within("4", 4, 9)).toEqual({ x: 1, y: 0 });
  expect(within("5", 4, 9)).toBeNull();
  expect(within("4*0.5,4*0.5", 4, 4)).toBeNull();
});
