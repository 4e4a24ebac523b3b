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

export interface Label {
  key: string;
  text: string;
  tone: string;
  left: number;
  top: number;
}

const [CHARACTER, LINE, AIR] = [6.4, 16, 4];

interface Box {
  left: number;
  right: number;
  top: number;
  bottom: number;
}
const meets = (one: Box, other: Box): boolean =>
  one.left < other.right && one.right > other.left && one.top < other.bottom && one.bottom > other.top;
const around = ([x, y]: readonly [number, number], r: number): Box => ({
  left: x - r,
  right: x + r,
  top: y - r,
  bottom: y + r,
});

/**
 * Where the names of discs find room around them: none over another, or over
 * another's disc. One
 * that finds none is left out: it would seem to be another's.
 */
export function labels(discs: Disc[], { x, y, radius }: Plot, width: number): Label[] {
  const all = discs.map((disc) => ({
    disc,
    at: [x(disc.x), y(disc.y)] as const,
    r: disc.form === "ring" ? 5 : radius(disc.size),
  }));
  const taken: Box[] = [];
  const found: Label[] = [];
  const named = all.filter(({ disc }) => disc.form === "disc");
  for (const { disc, at, r } of [...named].sort(
    (a, b) => Number(a.disc.tone === "other") - Number(b.disc.tone === "other"),
  )) {
    const [cx, cy] = at;
    const wide = disc.label.length * CHARACTER;
    const aside = r * Math.SQRT1_2;
    const places: Box[] = [
      [cx + r + AIR, cy - LINE / 2],
      [cx - r - AIR - wide, cy - LINE / 2],
      [cx - wide / 2, cy + r + 2],
      [cx - wide / 2, cy - r - LINE - 2],
      [cx + aside + 2, cy + aside],
      [cx + aside + 2, cy - aside - LINE],
      [cx - aside - wide - 2, cy + aside],
      [cx - aside - wide - 2, cy - aside - LINE],
    ].map(([left = 0, top = 0]) => ({ left, right: left + wide, top, bottom: top + LINE }));
    const others = all.filter((one) => one.disc !== disc).map((one) => around(one.at, one.r));
    const place = places.find(
      (one) =>
        one.left >= -20 && one.right <= width && ![...taken, ...others].some((other) => meets(one, other)),
    );
    if (!place) continue;
    taken.push(place);
    found.push({ key: disc.key, text: disc.label, tone: disc.tone, left: place.left, top: place.top });
  }
  return found;
}
