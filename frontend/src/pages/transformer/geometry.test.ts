import { describe, expect, it } from "vitest";
import { geometry, lanes, runs, thickness } from "./geometry";

describe("the map of a Transformer", () => {
  it("shares its columns, and never falls under 24 pixels", () => {
    const { pitch, x, width } = geometry(984, 30);
    expect(pitch).toBeCloseTo(28);
    expect(x(29) + pitch).toBeCloseTo(width);
    expect(geometry(390, 30).pitch).toBe(24);
    expect(geometry(900, 4).pane).toBe(84);
  });
  it("draws the lanes around the position", () => {
    expect(lanes(5, 4)).toEqual({ first: 0, count: 5, height: 36 });
    expect(lanes(100, 99)).toEqual({ first: 60, count: 40, height: 17 });
    expect(lanes(100, 3)).toEqual({ first: 0, count: 40, height: 17 });
    expect(lanes(100, 50)).toEqual({ first: 30, count: 40, height: 17 });
  });
  it("is thicker where a stream is longer, up to its lane", () => {
    expect(thickness(1, 36)).toBe(3);
    expect(thickness(1000, 36)).toBeCloseTo(21.6);
    expect(thickness(1000, 17)).toBe(17);
  });
  it("finds runs of equal words", () => {
    expect(runs(["a", "a", "b"])).toEqual([
      { word: "a", from: 0, count: 2 },
      { word: "b", from: 2, count: 1 },
    ]);
  });
});
