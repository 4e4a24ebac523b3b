import { expect, test } from "vitest";
import { painted, pathOf, read, told, write } from "./mask";

test("a mask in an address is read back, and one of another size is none", () => {
  const mask = Uint8Array.from({ length: 64 * 64 }, (_, i) => (i * 7919) % 5);
  for (let i = 100; i < 2000; i++) mask[i] = 3;
  expect(read(write(mask), mask.length)).toEqual(mask);
  expect(write(new Uint8Array(4096))).toBe("035s");
  expect(read("035s", 4096)).toEqual(new Uint8Array(4096));
  for (const words of ["035r", "035t", "", "0", "x35s", "035s.", "035s.11"])
    expect(read(words, 4096)).toBeNull();
});

test("what is told is the likeliest class, or what reaches the threshold", () => {
  const data = Float32Array.from([0.2, 0.5, 0.3, 0.3, 0.4, 0.45, 0.5, 0.1, 0.25]);
  const probabilities = { ref: "", shape: [3, 1, 3], data };
  expect([...told(probabilities, 2, null)]).toEqual([2, 0, 1]);
  expect([...told(probabilities, 2, 0.25)]).toEqual([2, 0, 2]);
});

test("a path covers a class's pixels and no others", () => {
  const mask = [0, 1, 1, 1, 0, 2, 1, 0, 1];
  expect(pathOf(mask, 1, 3)).toBe("M1 0h2v1h-2zM0 1h1v1h-1zM0 2h1v1h-1zM2 2h1v1h-1z");
  expect(pathOf(mask, 2, 3)).toBe("M2 1h1v1h-1z");
});

test("a brush paints within the picture", () => {
  const empty = new Uint8Array(25);
  expect(painted(empty, 5, 2, 2, 0, 4).filter((one) => one === 4)).toHaveLength(1);
  expect(painted(empty, 5, 0, 0, 1, 4).filter((one) => one === 4)).toHaveLength(3);
  expect(empty.every((one) => one === 0)).toBe(true);
});
