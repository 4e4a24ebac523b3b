import { describe, expect, it } from "vitest";
import { corner, mosaic, moved, placeAt } from "./mosaic";

const SHAPE = [24, 8, 8];

describe("a latent's channels as a square", () => {
  it("stands four in two rows, and 24 in five", () => {
    expect(mosaic(4, 108)).toMatchObject({ across: 2, down: 2, pane: 53, gap: 2, height: 108 });
    const many = mosaic(24, 76);
    expect([many.across, many.down]).toEqual([5, 5]);
    expect(many.pane).toBeCloseTo(14.4);
    expect(corner(many, 6)).toEqual([15.4, 15.4]);
  });

  it("finds the number under a point, and none between panes", () => {
    const grid = mosaic(24, 76);
    for (const place of [
      [0, 0, 0],
      [7, 3, 5],
      [23, 7, 7],
    ] as const) {
      const [left, top] = corner(grid, place[0]);
      const [x, y] = [left + ((place[2] + 0.5) / 8) * grid.pane, top + ((place[1] + 0.5) / 8) * grid.pane];
      expect(placeAt(grid, SHAPE, x, y)).toEqual(place);
    }
    expect(placeAt(grid, SHAPE, 14.9, 3)).toBeNull();
    expect(placeAt(grid, SHAPE, 75, 75)).toBeNull(); // a 25th pane that is not there
  });

  it("walks over the edge of a channel into the next, and not out of the square", () => {
    const grid = mosaic(24, 76);
    expect(moved([0, 2, 7], "ArrowRight", grid, SHAPE)).toEqual([1, 2, 0]);
    expect(moved([1, 0, 3], "ArrowUp", grid, SHAPE)).toEqual([1, 0, 3]);
    expect(moved([2, 7, 3], "ArrowDown", grid, SHAPE)).toEqual([7, 0, 3]);
    expect(moved([4, 0, 7], "ArrowRight", grid, SHAPE)).toEqual([4, 0, 7]);
    expect(moved([23, 0, 7], "ArrowRight", grid, SHAPE)).toEqual([23, 0, 7]);
    expect(moved([3, 1, 1], "Enter", grid, SHAPE)).toBeNull();
  });
});
