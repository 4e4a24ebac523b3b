import { describe, expect, it } from "vitest";
import type { LayerShown } from "../../lib/messages";
import { film, stroke, valley } from "./layout";

describe("the film of steps", () => {
  const draws = [0, 4, 8, 12, 16, 20, 23];
  it("keeps the first and the last, however few fit", () => {
    expect(film(draws, 4, 0)).toEqual([0, 8, 16, 23]);
    expect(film(draws, 99, 0)).toEqual(draws);
    expect(film([], 4, 0)).toEqual([]);
  });
  it("shows the step that is looked at, in the place of the nearest", () => {
    expect(film(draws, 99, 9)).toEqual([0, 4, 9, 12, 16, 20, 23]);
    expect(film(draws, 99, 40)).toEqual(draws);
  });
});

describe("the valley of the U-Net", () => {
  const layer = (path: string, part: LayerShown["part"], rows: number): LayerShown => ({
    path, part, rows, columns: rows, kind: "res", channel: 0, channels: 4, array: 0,
  }); // prettier-ignore
  it("has a level for each size, with the way down and the way up; all of the deepest is one row", () => {
    const found = valley([
      layer("in", "down", 8),
      layer("d", "down", 4),
      layer("m", "mid", 4),
      layer("u", "up", 4),
      layer("out", "up", 8),
    ]);
    expect(found.map(({ rows }) => rows)).toEqual([8, 4]);
    expect(found[0]!.down.map(({ path }) => path)).toEqual(["in"]);
    expect(found[0]!.up.map(({ path }) => path)).toEqual(["out"]);
    expect(found[1]!.down.map(({ path }) => path)).toEqual(["d", "m", "u"]);
    expect(found[1]!.up).toEqual([]);
  });
});

it("a line is as wide as what it is multiplied by, on both sides of zero", () => {
  expect(stroke(-2)).toBe(stroke(2));
  expect(stroke(0)).toBe(1);
  expect(stroke(1000)).toBe(16);
});
