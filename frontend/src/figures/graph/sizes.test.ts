import { expect, it } from "vitest";
import type { GraphColumn } from "../../lib/messages";
import type { Placed } from "./layout";
import { sizesOver } from "./sizes";

const column = (x: number, shape: number[], stage = 0): Placed =>
  ({ x, width: 40, column: { shape, stage, axes: null } as unknown as GraphColumn }) as Placed;

it("stands once over neighbours of one stage that share a size", () => {
  const found = sizesOver([column(0, [1, 512]), column(50, [1, 512]), column(100, [1, 512], 1)]);
  expect(found.map(({ from, to }) => [from, to])).toEqual([
    [0, 90],
    [100, 140],
  ]);
});

it("leaves out what would run into the one before", () => {
  const [one, ...others] = sizesOver([column(0, [1, 123456789]), column(42, [1, 987654321])]);
  expect(one!.lines.join("")).toContain("123");
  expect(others).toEqual([]);
});

it("breaks many sizes into two lines", () => {
  expect(sizesOver([column(0, [1, 8, 64, 64])])[0]!.lines).toHaveLength(2);
});
