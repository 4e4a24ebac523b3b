/** Curves over a run's steps: each point stands for one record, or for all that fall into a bucket. */
import { bisector } from "d3-array";
import { scaleLinear, scaleLog } from "d3-scale";

export interface Curve {
  key: string;
  /** What is named by screen readers and beside its reading. */
  name: string;
  /** every record, pale; smoothed, in ink; measured on what was held out. */
  kind: "every" | "smooth" | "aside";
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

/** From values to pixels, the least at the bottom. */
export function upward(curves: Curve[], kind: "log" | "linear", height: number): Axis {
  const values = curves.flatMap(({ low, high }) => [...Array.from(low), ...Array.from(high)]);
  const drawable = values.filter((value) => Number.isFinite(value) && (kind === "linear" || value > 0));
  const [least, most] = drawable.length
    ? [drawable.reduce((a, b) => Math.min(a, b)), drawable.reduce((a, b) => Math.max(a, b))]
    : [kind === "log" ? 0.1 : 0, 1];
  const pad = least === most ? Math.abs(least) * 0.1 || 1 : 0;
  const scale = (kind === "log" ? scaleLog() : scaleLinear())
    .domain(kind === "log" ? [least / (1 + pad / most), most * (1 + pad / most)] : [least - pad, most + pad])
    .range([height, 0]);
  if (kind === "linear") scale.nice(4);
  const axis = (value: number): number => scale(kind === "log" ? Math.max(value, Number.MIN_VALUE) : value);
  return Object.assign(axis, {
    invert: (at: number): number => scale.invert(at),
    ticks: kind === "log" ? fewDecades(scale.domain()) : scale.ticks(4),
  });
}

/** Ticks of a logarithmic axis: 1, 2 and 5 of each decade, or only 1 where there are many. */
function fewDecades([low = 0.1, high = 1]: number[]): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const steps = last - first > 3 ? [1] : [1, 2, 5];
  const ticks = [];
  for (let power = first; power <= last; power++)
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  return ticks.filter((tick) => tick >= low && tick <= high);
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
