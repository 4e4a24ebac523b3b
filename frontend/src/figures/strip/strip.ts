/** A strip of colour over the steps of a run: one row a series, and which number stands at which pixel. */
import { partAt, referTo, type Series } from "../../lib/course";
import type { ScaleName } from "../../lib/colour";
import type { Picked } from "../pane/pick";

/** From a value to its place on the colour scale, 0 to 1. */
export interface Ruler {
  (value: number): number;
  low: number;
  high: number;
  /** Whether equal ratios are equal distances. */
  ratios: boolean;
}

/** Equal ratios are equal distances; what is zero or no number is at the low end. */
export function ratios(values: Iterable<number>): Ruler {
  let [low, high] = [Infinity, 0];
  for (const value of values)
    if (value > 0 && Number.isFinite(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (high === 0) [low, high] = [0.1, 1];
  low = Math.max(low, high / 1e4);
  if (low === high) low = high / 10;
  const [from, to] = [Math.log(low), Math.log(high)];
  const place = (value: number): number =>
    value > 0 ? Math.min(1, Math.max(0, (Math.log(value) - from) / (to - from))) : 0;
  return Object.assign(place, { low, high, ratios: true });
}

/** Shares are their own places. */
export const shares: Ruler = Object.assign((value: number) => value, { low: 0, high: 1, ratios: false });

export interface Row {
  series: Series;
  /** How many pixels high, of the strip's own. */
  high: number;
}

/** For each column of the strip the part that it shows; -1 beyond the newest record. */
export function partsAcross(series: Series, columns: number, last: number): Int32Array {
  const parts = new Int32Array(columns);
  const end = series.steps[series.steps.length - 1] ?? 0;
  for (let column = 0; column < columns; column++) {
    const step = ((column + 0.5) / columns) * last;
    parts[column] = step > end ? -1 : partAt(series, step);
  }
  return parts;
}

/** What is picked from a strip: the number, and how its colour follows from it. */
export interface PickedPart extends Picked {
  placed: { low: number; high: number; ratios: boolean; ink: boolean };
}

/** The number at a column of a row. */
export function pickPart(
  run: string,
  { series }: Row,
  part: number,
  ruler: Ruler,
  scale: ScaleName,
  ink: boolean,
): PickedPart | null {
  if (part < 0) return null;
  const value = series.mean[part]!;
  const { low, high, ratios } = ruler;
  const placed = { low, high, ratios, ink };
  return { ref: referTo(run, series, part), value, row: 0, column: part, scale, range: 1, placed };
}

const LINE = 14;

/** Where the names of rows stand, in their middles; of deep networks only as many as find room. */
export function namesApart(
  rows: { name: string; lines: number }[],
  pitch: number,
): { name: string; top: number }[] {
  const found: { name: string; top: number }[] = [];
  let before = 0;
  for (const { name, lines } of rows) {
    const top = (before + lines / 2) * pitch;
    before += lines;
    if (!found.length || top - found.at(-1)!.top >= LINE) found.push({ name, top });
  }
  return found;
}
