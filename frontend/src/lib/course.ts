/** The course of a run: its series, each in parts that stand for one record or for several. */
import { bisector } from "d3-array";
import type { Tensor } from "./tensors";

export interface Series {
  name: string;
  /** The first and the last step of each part. */
  first: ArrayLike<number>;
  steps: ArrayLike<number>;
  mean: ArrayLike<number>;
  low: ArrayLike<number>;
  high: ArrayLike<number>;
  /** How many records stand in each part. */
  count: ArrayLike<number>;
}

const COLUMNS = 5;

/** Series by name, from the groups that were recorded together and the tensors that came with them. */
export function seriesOf(groups: string[][], tensors: Tensor[]): Map<string, Series> {
  const found = new Map<string, Series>();
  groups.forEach((names, group) => {
    const [steps, ...columns] = tensors.slice(group * COLUMNS, (group + 1) * COLUMNS);
    const parts = steps!.shape[1]!;
    const row = ({ data }: Tensor, at: number): Tensor["data"] => data.subarray(at * parts, (at + 1) * parts);
    names.forEach((name, at) => {
      const [mean, low, high, count] = columns.map((column) => row(column, at));
      found.set(name, {
        name,
        first: row(steps!, 0),
        steps: row(steps!, 1),
        mean: mean!,
        low: low!,
        high: high!,
        count: count!,
      });
    });
  });
  return found;
}

const byStep = bisector((step: number) => step);

/** The part that a step falls into, or the nearest one; -1 where there is none. */
export function partAt({ steps }: Pick<Series, "steps">, step: number): number {
  if (!steps.length) return -1;
  return Math.min(steps.length - 1, byStep.left(steps as number[], step));
}

/** The address of a part: a record of one step, or what the records between two steps have in common. */
export function referTo(
  run: string,
  series: Series,
  part: number,
  what: "mean" | "low" | "high" = "mean",
): string {
  const [first, last] = [series.first[part]!, series.steps[part]!];
  return series.count[part] === 1
    ? `run:${run}/${last}#${series.name}@value`
    : `run:${run}/${first}-${last}#${series.name}@${what}`;
}

/** A number of a run with its address. */
export interface Reading {
  ref: string;
  value: number;
  step: number;
}

/** What a series says at a step. */
export function readAt(run: string, series: Series | undefined, step: number): Reading | null {
  if (!series) return null;
  const part = partAt(series, step);
  if (part < 0) return null;
  return { ref: referTo(run, series, part), value: series.mean[part]!, step: series.steps[part]! };
}

/** The mean of the records in a window of steps that ends at each part; its address names the steps. */
export interface Smoothed {
  steps: ArrayLike<number>;
  values: Float64Array;
  /** The part that each window begins with. */
  begins: Int32Array;
}

export function smoothed(series: Series, window: number): Smoothed {
  const parts = series.steps.length;
  const values = new Float64Array(parts);
  const begins = new Int32Array(parts);
  let [begin, total, count] = [0, 0, 0];
  for (let part = 0; part < parts; part++) {
    total += series.mean[part]! * series.count[part]!;
    count += series.count[part]!;
    while (begin < part && series.first[begin]! <= series.steps[part]! - window) {
      total -= series.mean[begin]! * series.count[begin]!;
      count -= series.count[begin]!;
      begin++;
    }
    values[part] = total / count;
    begins[part] = begin;
  }
  return { steps: series.steps, values, begins };
}

/** The smoothed value at a step, with its address. */
export function smoothAt(
  run: string,
  series: Series,
  { values, begins }: Smoothed,
  step: number,
): Reading | null {
  const part = partAt(series, step);
  if (part < 0) return null;
  const [first, last] = [series.first[begins[part]!]!, series.steps[part]!];
  const alone = begins[part] === part && series.count[part] === 1;
  const ref = alone
    ? `run:${run}/${last}#${series.name}@value`
    : `run:${run}/${first}-${last}#${series.name}@mean`;
  return { ref, value: values[part]!, step: last };
}

/** Where the axis of steps ends: the whole run, or while it is young a round number a little beyond. */
export function axisEnd(step: number, planned: number): number {
  const wanted = Math.max(10, step * 1.1);
  if (planned && wanted >= planned / 2) return Math.max(planned, step);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const nice = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= wanted)!;
  return planned ? Math.min(planned, nice) : nice;
}
