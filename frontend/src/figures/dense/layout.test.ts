import { describe, expect, it } from "vitest";
import { BALL, chosenUnits, edgesInto, placeUnits, thickness } from "./layout";

describe("a dense network", () => {
  it("shows all units of a small layer, and of a large one those that count most, in their order", () => {
    expect(chosenUnits([3, 1, 2])).toEqual([0, 1, 2]);
    expect(chosenUnits([0.1, -9, 0.2, 4, -5], 3)).toEqual([1, 3, 4]);
  });

  it("stands its layers within the room, each around the middle", () => {
    const room = { width: 720, height: 500, narrow: false };
    const layers = placeUnits([[0, 1, 2], [5], [0, 1]], [3, 128, 2], room);
    expect(layers.map(({ x }) => x)).toEqual([...layers.map(({ x }) => x)].sort((a, b) => a - b));
    for (const { y } of layers) {
      expect((y[0]! + y.at(-1)!) / 2).toBeCloseTo(250);
      expect(Math.min(...y)).toBeGreaterThanOrEqual(BALL);
      expect(Math.max(...y)).toBeLessThanOrEqual(500 - BALL);
    }
  });

  it("draws each line by its share of the largest between the same layers", () => {
    const [from, to] = placeUnits([[0, 1], [0]], [2, 1], { width: 700, height: 400, narrow: false });
    const edges = edgesInto(from!, to!, 2, (_, source) => [-4, 1][source]!);
    expect(edges.map(({ source, share }) => [source, share])).toEqual([
      [1, 0.25],
      [0, 1],
    ]);
    expect(edges.map(({ share }) => thickness(share))).toEqual([0.6 + 5.4 * 0.25, 6]);
  });
});
