import { expect, test } from "vitest";
import { columnOf, partAt, readHead, readOff, writtenOff } from "./parts";

test("heads that are off come back from the address, and nothing else does", () => {
  const all = [
    { part: "cross" as const, layer: 1, head: 3 },
    { part: "encoder" as const, layer: 0, head: 12 },
  ];
  expect(readOff(writtenOff(all))).toEqual(all);
  expect(writtenOff([])).toBeNull();
  expect(readOff("cross-1 head-1-2 cross-a-b <img>")).toEqual([]);
  expect(readHead("cross.1.3")).toEqual(all[0]);
});

test("every column has its own attention", () => {
  const seen = Array.from({ length: 9 }, (_, column) => {
    const one = partAt(column, 3);
    expect(columnOf({ ...one, head: 0 }, 3)).toBe(column);
    return `${one.part} ${one.layer}`;
  });
  expect(new Set(seen).size).toBe(9);
});
