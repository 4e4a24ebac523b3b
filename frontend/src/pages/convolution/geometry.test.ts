import { describe, expect, it } from "vitest";

import { nearest, read, unread, type Operation } from "./geometry";
import { isOwn, resized, written } from "./kernel";

const plain: Operation = {
  do: "conv",
  kernel: "edges",
  size: 3,
  stride: 1,
  padding: 0,
  fill: "zeros",
  dilation: 1,
  groups: 1,
  bias: 0,
};

describe("where windows stand", () => {
  it("steps by the stride, begins in the padding, and leaves gaps when dilated", () => {
    expect(read({ ...plain, stride: 2, padding: 1 }, 8, 0)).toEqual([-1, 0, 1]);
    expect(read({ ...plain, stride: 2, padding: 1, dilation: 2 }, 8, 2)).toEqual([3, 5, 7]);
  });

  it("finds for a transposed convolution who gives to a row, by spreading the picture out", () => {
    const how = { ...plain, do: "transposed" as const, stride: 2, padding: 1, dilation: 2 };
    const side = 5;
    const rows = (side - 1) * 2 - 2 + 4 + 1;
    for (let row = 0; row < rows; row++) {
      const givers: number[] = [];
      for (let from = 0; from < side; from++)
        for (let u = 0; u < 3; u++) if (from * 2 - 1 + u * 2 === row) givers.push(from);
      expect(read(how, side, row).sort()).toEqual(givers.sort());
    }
  });

  it("shows what no window reads: at the far edge, and between windows that are far apart", () => {
    expect(unread({ ...plain, stride: 2 }, 8, 3)).toEqual([7]);
    expect(unread({ ...plain, size: 2, stride: 3 }, 8, 3)).toEqual([2, 5]);
  });

  it("finds the window under the pointer", () => {
    const how = { ...plain, stride: 2, padding: 1 };
    for (let row = 0; row < 4; row++) {
      const [first, , last] = read(how, 8, row);
      expect(nearest(how, (first! + last! + 1) / 2, 4)).toBe(row);
    }
  });
});

describe("kernels in the address", () => {
  it("keep their middle when they grow or shrink", () => {
    const cross = [0, 1, 0, 1, 5, 1, 0, 1, 0];
    expect(resized(resized(cross, 3, 7), 7, 3)).toEqual(cross);
    expect(resized(cross, 3, 1)).toEqual([5]);
  });

  it("are numbers or names", () => {
    expect(written([[0.1 + 0.2, -1]])).toBe("0.3,-1");
    expect([isOwn("-1,2"), isOwn("0"), isOwn("edges"), isOwn("tiny-vgg-emoji/3")]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});
