/** Curves over a run's steps: each point stands for one record, or for all that fall into a bucket. */
import { bisector, quantile } from "d3-array";
import { scaleLinear, scaleLog } from "d3-scale";

export interface Curve {
  key: string;
  /** What is named by screen readers and beside its reading. */
  name: string;
  /** every record, pale; smoothed, in ink; measured on what was held out; a probability. */
  kind: "every" | "smooth" | "aside" | "answer";
  /** Of several runs, which: each has dashes of its own; 0 is drawn through. */
  dash?: number;
  /** The last step of each bucket, in order. */
  steps: ArrayLike<number>;
  /** The least and the most in it; the same where it holds one record. */
  low: ArrayLike<number>;
  high: ArrayLike<number>;
}

export interface Axis {
  (value: number): number;
  invert(at: number): number;
  ticks: number[];
}

/**
 * From values to pixels, the least at the bottom. A share `cut` of the least values may fall below the axis: a score
 * begins with what is worth nothing, and would leave no room for what it comes to.
 */
export function upward(curves: Curve[], kind: "log" | "linear", height: number, cut = 0): Axis {
  const values = curves.flatMap(({ low, high }) => [...Array.from(low), ...Array.from(high)]);
  const drawable = values.filter((value) => Number.isFinite(value) && (kind === "linear" || value > 0));
  const [least, most] = drawable.length
    ? [quantile(drawable, cut)!, drawable.reduce((a, b) => Math.max(a, b))]
    : [kind === "log" ? 0.1 : 0, 1];
  const pad = least === most ? Math.abs(least) * 0.1 || 1 : 0;
  const scale = (kind === "log" ? scaleLog() : scaleLinear())
    .domain(kind === "log" ? [least / (1 + pad / most), most * (1 + pad / most)] : [least - pad, most + pad])
    .range([height, 0]);
  const few = Math.max(2, Math.min(5, Math.round(height / 26)));
  if (kind === "linear") scale.nice(few);
  const axis = (value: number): number => scale(kind === "log" ? Math.max(value, Number.MIN_VALUE) : value);
  return Object.assign(axis, {
    invert: (at: number): number => scale.invert(at),
    ticks: kind === "log" ? fewDecades(scale.domain()) : scale.ticks(few),
  });
}

/** From 0 at the bottom to 1 at the top. */
export const share = (height: number): Axis =>
  Object.assign((value: number): number => (1 - value) * height, {
    invert: (at: number): number => 1 - at / height,
    ticks: [],
  });

/** Ticks of a logarithmic axis: 1, 2 and 5 of each decade, or only 1 where there are many. */
function fewDecades([low = 0.1, high = 1]: number[]): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = last - first > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = first; power <= last; power++)
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  const inside = ticks.filter((tick) => tick >= low && tick <= high);
  return inside.length > 1 ? inside : scaleLinear().domain([low, high]).ticks(3);
}

/** The line of a curve, as an SVG path; gaps where a value can't be drawn. */
export function line({ steps, low, high }: Curve, x: (step: number) => number, y: Axis): string {
  let path = "";
  let open = false;
  for (let i = 0; i < steps.length; i++) {
    const [least, most] = [y(low[i]!), y(high[i]!)];
    if (!Number.isFinite(low[i]!) || !Number.isFinite(high[i]!)) {
      open = false;
      continue;
    }
    const at = x(steps[i]!).toFixed(2);
    path += `${open ? "L" : "M"}${at} ${least.toFixed(2)}`;
    if (low[i] !== high[i]) path += `L${at} ${most.toFixed(2)}`;
    open = true;
  }
  return path;
}

const byStep = bisector((step: number) => step).center;

/** Which bucket is nearest to a step; -1 where there is none. */
export const nearest = ({ steps }: Pick<Curve, "steps">, step: number): number =>
  steps.length ? byStep(Array.from(steps), step) : -1;
