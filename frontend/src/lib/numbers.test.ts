import { expect, test } from "vitest";
import { amount, brief, exact, fixed, probability, scientific, signed } from "./numbers";

test("minus is a true minus, and what rounds to zero has no sign", () => {
  expect(fixed(-1.2345, 2)).toBe("−1.23");
  expect(fixed(-0.0004, 3)).toBe("0.000");
  expect(signed(0.5, 2)).toBe("+0.50");
  expect(signed(-0.0001, 2)).toBe("0.00");
});

test("a probability loses its leading zero, and small ones are not rounded into nothing", () => {
  expect(probability(0.9132)).toBe(".913");
  expect(probability(0.0004)).toBe("<.001");
  expect(probability(0)).toBe(".000");
  expect(probability(0.99996)).toBe(">.999");
  expect(probability(1)).toBe("1.000");
});

test("the exact text names the very float32", () => {
  for (const value of [0.1, -1 / 3, 1e-7, 123456.789, 5.877e-39, 0])
    expect(Math.fround(Number(exact(Math.fround(value)).replace("−", "-")))).toBe(Math.fround(value));
});

test("what is not finite is named, not formatted", () => {
  expect([fixed(NaN, 2), fixed(Infinity, 2), probability(-Infinity), exact(NaN), brief(NaN)]).toEqual([
    "NaN",
    "+∞",
    "−∞",
    "NaN",
    "NaN",
  ]);
});

test("ends of scales are short, errors are powers of ten, amounts are counted in millions", () => {
  expect([brief(6.64), brief(-0.0678), brief(0), brief(123.4)]).toEqual(["6.6", "−.068", "0", "123"]);
  expect([scientific(8.2e-7), scientific(0)]).toEqual(["8 × 10⁻⁷", "0"]);
  expect([amount(19920), amount(7_800_000), amount(11.5e9)]).toEqual(["19,920", "7.8 M", "11.5 G"]);
});
