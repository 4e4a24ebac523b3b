import { expect, test } from "vitest";
import { colour, inkOn, paint, place, type ScaleName } from "./colour";

const channels = (css: string): number[] => css.match(/\d+/g)!.map(Number);

test("the ends and the middle of a scale are its tokens", () => {
  expect(channels(colour("activation", -2, 2, "light"))).toEqual([0x7a, 0x0a, 0x1c]);
  expect(channels(colour("activation", 2, 2, "light"))).toEqual([0x0b, 0x37, 0x67]);
  expect(channels(colour("probability", 1, 1, "dark"))).toEqual([0xcf, 0xc2, 0xff]);
  for (const [got, wanted] of channels(colour("weight", 0, 1, "dark")).map((c, i) => [
    c,
    [0x22, 0x25, 0x2b][i]!,
  ]))
    expect(Math.abs(got! - wanted!)).toBeLessThanOrEqual(1);
});

test("zero is in the middle of what diverges and at the start of what does not; beyond the range is the end", () => {
  expect([
    place("gradient", 0, 5),
    place("probability", 0, 1),
    place("activation", 99, 2),
    place("grey", -1, 1),
  ]).toEqual([0.5, 0, 1, 0]);
});

test("numbers on every colour of every scale reach the contrast of text", () => {
  const linear = (c: number): number => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]: number[]): number =>
    0.2126 * linear(r!) + 0.7152 * linear(g!) + 0.0722 * linear(b!);
  const ink = { "#000000": [0, 0, 0], "#FFFFFF": [255, 255, 255] };
  for (const theme of ["light", "dark"] as const)
    for (const scale of ["activation", "gradient", "weight", "probability"] as ScaleName[])
      for (let value = -1; value <= 1; value += 0.01) {
        const [one, other] = [
          channels(colour(scale, value, 1, theme)),
          ink[inkOn(scale, value, 1, theme) as "#FFFFFF"],
        ];
        const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
        expect((light! + 0.05) / (dark! + 0.05)).toBeGreaterThan(4.5);
      }
});

test("what is not finite is left unpainted", () => {
  const pixels = new Uint8ClampedArray(8).fill(7);
  paint(pixels, [NaN, 1], "activation", 1, "light");
  expect([pixels[3], pixels[7]]).toEqual([0, 255]);
});
