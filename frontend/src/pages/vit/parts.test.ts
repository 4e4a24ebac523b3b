import { expect, test } from "vitest";
import { readParts, writtenParts } from "./parts";

test("what is switched off comes back from the address as it was", () => {
  const all = [
    { what: "head" as const, layer: 3, head: 2 },
    { what: "mlp" as const, layer: 4 },
    { what: "patch" as const, token: 17 },
  ];
  expect(writtenParts(all)).toBe("head-3-2 mlp-4 patch-17");
  expect(readParts("head-3-2 mlp-4 patch-17")).toEqual(all);
});

test("what is no part is left out", () => {
  expect(readParts("head-x <img> patch-1 stream-2-3")).toEqual([{ what: "patch", token: 1 }]);
  expect(readParts(null)).toEqual([]);
  expect(writtenParts([])).toBeNull();
});
