/** A sum as a waterfall: each part starts where the one before it ended, and the last one lands on the value. */
import { extent } from "d3-array";
import { scaleLinear } from "d3-scale";

export interface Fall {
  from: number;
  to: number;
  value: number;
}

export interface Waterfall {
  falls: Fall[];
  /** From a running total to pixels. */
  x: (total: number) => number;
  ticks: number[];
}

/** Running totals of the parts, on a scale of `width` pixels that also holds zero and the value. */
export function waterfall(parts: number[], value: number, width: number): Waterfall {
  let total = 0;
  const falls = parts.map((part) => ({ from: total, to: (total += part), value: part }));
  const [low = 0, high = 0] = extent([0, value, ...falls.map((fall) => fall.to)]);
  const room = (high - low || 1) * 0.02;
  const x = scaleLinear([low - room, high + room], [0, width]);
  return { falls, x, ticks: x.ticks(Math.max(2, Math.round(width / 64))) };
}
