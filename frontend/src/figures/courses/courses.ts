/** Courses of several runs of each racer against what they cost; each racer is their mean, with the runs behind it. */
import { scaleLinear } from "d3-scale";
import type { Racer, Run } from "../../lib/messages";

export type Against = "steps" | "seconds" | "macs";

export interface Point {
  step: number;
  x: number;
  value: number;
}

/** What a run had cost at each of its held-out scores: steps, seconds, or 1e12 multiply-adds of its forward passes. */
export function courseOf(racer: Racer, run: Run, against: Against): Point[] {
  return run.held_out.map((value, i) => {
    const step = run.at_steps[i]!;
    const macs = (step * racer.batch * racer.macs) / 1e12;
    return { step, value, x: against === "steps" ? step : against === "seconds" ? run.at_seconds[i]! : macs };
  });
}

/** The mean over the runs, as far as all of them have come. */
export function meanOf(courses: Point[][]): Point[] {
  const shortest = courses.length ? Math.min(...courses.map((one) => one.length)) : 0;
  const over = (i: number, field: "x" | "value"): number =>
    courses.reduce((sum, one) => sum + one[i]![field], 0) / courses.length;
  return Array.from({ length: shortest }, (_, i) => ({
    step: courses[0]![i]!.step,
    x: over(i, "x"),
    value: over(i, "value"),
  }));
}

export const mean = (values: number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

/** The sample standard deviation; 0 of a single value. */
export function spread(values: number[]): number {
  if (values.length < 2) return 0;
  const middle = mean(values);
  return Math.sqrt(values.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (values.length - 1));
}

export interface Axes {
  x: (value: number) => number;
  y: (value: number) => number;
  xTicks: number[];
  yTicks: number[];
}

/** Where a curve begins to be worth a look: below it there is only the first learning. */
const FLOOR = 0.78;

export function axes(courses: Point[][], lines: number[], width: number, height: number): Axes {
  const points = courses.flat();
  const right = scaleLinear()
    .domain([0, Math.max(1e-9, ...points.map((one) => one.x))])
    .range([0, width]);
  const values = [...points.map((one) => one.value), ...lines];
  const up = scaleLinear()
    .domain([Math.max(FLOOR, Math.min(0.9, ...values) - 0.01), Math.max(0.9, ...values) + 0.005])
    .range([height, 0]);
  return {
    x: (value) => right(value),
    y: (value) => up(value),
    xTicks: right.ticks(6),
    yTicks: up.ticks(6),
  };
}

export const path = (points: Point[], { x, y }: Axes): string =>
  points.map((one, i) => `${i ? "L" : "M"}${x(one.x).toFixed(2)} ${y(one.value).toFixed(2)}`).join("");
