/** Discs on two axes: a logarithmic one to the right, a linear one upward; the area of a disc is a third number. */
import { scaleLinear, scaleLog } from "d3-scale";

export interface Disc {
  key: string;
  label: string;
  tone: string;
  /** Discs are filled; rings are what is only claimed. */
  form: "disc" | "ring";
  x: number;
  y: number;
  /** In the unit of `areas`; of rings it is not drawn. */
  size: number;
  ref: string;
}

export interface Plot {
  x: (value: number) => number;
  y: (value: number) => number;
  radius: (size: number) => number;
  xTicks: number[];
  yTicks: number[];
}

/** Pixels of radius for the square root of one unit of size. */
const ROOT = 2.5;

export function plot(discs: Disc[], width: number, height: number): Plot {
  const [xs, ys] = [discs.map((one) => one.x), discs.map((one) => one.y)];
  const right = scaleLog()
    .domain([Math.min(...xs) / 1.5, Math.max(...xs) * 1.7])
    .range([0, width]);
  const up = scaleLinear()
    .domain([Math.floor(Math.min(...ys)) - 2, Math.ceil(Math.max(...ys)) + 1])
    .range([height, 0]);
  const [low = 1, high = 10] = right.domain();
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of [1, 2, 5]) ticks.push(Number(`${step}e${power}`));
  return {
    x: (value) => right(value),
    y: (value) => up(value),
    radius: (size) => ROOT * Math.sqrt(size) * Math.min(1, width / 420),
    xTicks: ticks.filter((tick) => tick >= low && tick <= high),
    yTicks: up.ticks(5),
  };
}
