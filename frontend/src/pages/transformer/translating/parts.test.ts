import { expect, test } from "vitest";
import { columnOf, partAt, readHead, readOff, readPatched, writtenOff, writtenPatched } from "./parts";

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

test("streams that are another phrase's come back from the address", () => {
  const all = [
    { side: "encoder" as const, layer: 0, row: 3 },
    { side: "decoder" as const, layer: 2, row: 11 },
  ];
  expect(readPatched(writtenPatched(all))).toEqual(all);
  expect(writtenPatched([])).toBeNull();
  expect(readPatched("cross-0-1 encoder-0 <img> decoder-a-1")).toEqual([]);
});

test("every column has its own attention", () => {
  const seen = Array.from({ length: 9 }, (_, column) => {
    const one = partAt(column, 3);
    expect(columnOf({ ...one, head: 0 }, 3)).toBe(column);
    return `${one.part} ${one.layer}`;
  });
  expect(new Set(seen).size).toBe(9);
});
