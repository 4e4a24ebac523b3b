import { expect, test } from "vitest";
import { lay } from "./slabs";

const slab = (side: number, channels: number, macs: number) => ({
  path: "",
  kind: "conv",
  kernel: 3,
  channels,
  side,
  macs,
  parameters: 0,
});

test("all networks share one scale, and the darkest is what works most", () => {
  const two = [
    { name: "a", title: "A", layers: [slab(224, 64, 50), slab(112, 128, 100)] },
    { name: "b", title: "B", layers: [slab(1, 4096, 1)] },
  ];
  const { slabs, up, down, base, brackets, thick } = lay(two, 900, 200);
  expect(base - up(224)).toBeCloseTo(2 * (base - up(112)));
  expect(down(4096) - down(0)).toBeCloseTo(4 * (down(1024) - down(0)));
  expect(slabs.map((one) => one.ink).indexOf(1)).toBe(1);
  expect(slabs[2]!.x).toBeGreaterThan(brackets[0]!.to);
  expect(slabs[1]!.x - slabs[0]!.x).toBeGreaterThan(thick);
});
