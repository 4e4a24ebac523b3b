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

/** Where the names of discs find room, beside or below them: none over another, or over the middle of a disc. */
export function labels(discs: Disc[], { x, y, radius }: Plot, width: number): Label[] {
  const all = discs.map((disc) => ({
    disc,
    at: [x(disc.x), y(disc.y)] as const,
    r: disc.form === "ring" ? 5 : radius(disc.size),
  }));
  const taken = all.map(({ at: [cx, cy] }) => ({ left: cx - 5, right: cx + 5, top: cy - 5, bottom: cy + 5 }));
  const found: Label[] = [];
  const named = all.filter(({ disc }) => disc.form === "disc");
  for (const { disc, at, r } of [...named].sort(
    (a, b) => Number(a.disc.tone === "other") - Number(b.disc.tone === "other"),
  )) {
    const [cx, cy] = at;
    const wide = disc.label.length * CHARACTER;
    const places = [
      [cx + r + AIR, cy - LINE / 2],
      [cx - r - AIR - wide, cy - LINE / 2],
      [cx - wide / 2, cy + r + 2],
      [cx - wide / 2, cy - r - LINE - 2],
    ] as const;
    const place = places.find(([left, top]) => {
      const inside = left >= -20 && left + wide <= width;
      return (
        inside &&
        !taken.some(
          (one) => left < one.right && left + wide > one.left && top < one.bottom && top + LINE > one.top,
        )
      );
    });
    if (!place) continue;
    const [left, top] = place;
    taken.push({ left, right: left + wide, top, bottom: top + LINE });
    found.push({ key: disc.key, text: disc.label, tone: disc.tone, left, top });
  }
  return found;
}
