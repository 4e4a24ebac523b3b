/**
 * How numbers are written: true minus, tabular, nothing rounded into a lie; with a decimal point in every language, as in the
 * code and the tensors beside them.
 */
import { text } from "./text";

export const MINUS = "−";

const withMinus = (text: string): string => text.replaceAll("-", MINUS);

/** A fixed number of decimals; what rounds to zero loses its sign. */
export function fixed(value: number, digits: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? MINUS : "") + text;
}

/** As `fixed`, with a plus before what is positive. */
export function signed(value: number, digits: number): string {
  const text = fixed(value, digits);
  return value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

/** Millions of bytes, of few with a decimal. */
export const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);

/** A probability to three places, without its leading zero. */
export function probability(value: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  if (value > 0 && value < 0.0005) return "<.001";
  if (value < 1 && value >= 0.9995) return ">.999";
  return value.toFixed(3).replace(/^0/, "");
}

/** The shortest text that names this very float32. */
export function exact(value: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  for (let digits = 6; digits <= 9; digits++) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === Math.fround(value)) return withMinus(String(Number(text)));
  }
  return withMinus(String(value));
}

/** Four decimals, or three digits and a power of ten where those would hide it. */
export function written(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || size === 0 || (size >= 1e-3 && size < 1e5))
    return fixed(value, size >= 100 ? 1 : 4);
  const power = Math.floor(Math.log10(size));
  return scientific(10 ** power).replace(/^1 /, `${fixed(value / 10 ** power, 2)} `);
}

/** Few significant digits, for the ends of a scale. */
export function brief(value: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  const size = Math.abs(value);
  if (size === 0) return "0";
  if (size >= 1e5 || size < 1e-4) return scientific(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 1 : size >= 0.1 ? 2 : size >= 0.01 ? 3 : 4;
  return fixed(value, digits).replace(/^(−?)0\./, "$1.");
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** `8 × 10⁻⁷` */
export function scientific(value: number): string {
  if (value === 0) return "0";
  const [mantissa = "", power = "0"] = value.toExponential(0).split("e");
  const raised = [...String(Math.abs(Number(power)))].map((digit) => RAISED[Number(digit)]).join("");
  return `${withMinus(mantissa)} × 10${Number(power) < 0 ? "⁻" : ""}${raised}`;
}

/** Digits in groups of three. */
export const count = (value: number): string => value.toLocaleString("en-US");

/** 5.6 M, 19,920: how many, at a glance. */
export function amount(value: number): string {
  if (value < 100_000) return count(value);
  if (value < 1e9) return `${(value / 1e6).toFixed(value < 1e7 ? 1 : 0)} M`;
  return `${(value / 1e9).toFixed(1)} G`;
}

function notFinite(value: number | null): string {
  if (value === null) return text("number.notFinite"); // in JSON there is neither NaN nor infinity
  if (Number.isNaN(value)) return "NaN";
  return value > 0 ? "+∞" : `${MINUS}∞`;
}
