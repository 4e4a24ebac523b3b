/** Where the slabs of several networks stand, side by side, on one scale. */
import type { Slab } from "../../lib/messages";

export const SIDES = [56, 112, 224];
export const WIDTHS = [1024, 2048, 4096];

export interface Drawn {
  key: string;
  network: string;
  at: number;
  x: number;
  side: number;
  channels: number;
  /** 0.12 to 1, by its share of the largest layer's multiply-adds. */
  ink: number;
}

export interface Laid {
  slabs: Drawn[];
  brackets: { title: string; from: number; to: number }[];
  width: number;
  thick: number;
  base: number;
  up: (side: number) => number;
  down: (channels: number) => number;
}

const BETWEEN = 5;
const FAINT = 0.12;
/** The share of the height that maps get; channels have the rest. */
const MAPS = 0.54;

export function lay(
  networks: { name: string; title: string; layers: Slab[] }[],
  width: number,
  height: number,
): Laid {
  const most = Math.max(1, ...networks.flatMap(({ layers }) => layers.map((one) => one.macs)));
  const count = networks.reduce((sum, { layers }) => sum + layers.length, 0);
  const pitch = width / (count + BETWEEN * Math.max(0, networks.length - 1) + 1);
  const slabs: Drawn[] = [];
  const brackets: Laid["brackets"] = [];
  let x = 0;
  for (const { name, title, layers } of networks) {
    const from = x;
    layers.forEach(({ side, channels, macs }, at) => {
      const ink = FAINT + (1 - FAINT) * (macs / most) ** 0.42;
      slabs.push({ key: `${name} ${at}`, network: name, at, x, side, channels, ink });
      x += pitch;
    });
    brackets.push({ title, from, to: x - pitch * 0.2 });
    x += BETWEEN * pitch;
  }
  const base = height * MAPS;
  return {
    slabs,
    brackets,
    width,
    thick: pitch * 0.8,
    base,
    up: (side) => base * (1 - side / 224),
    down: (channels) => base + 1.5 + (height - base - 8) * (channels / 4096),
  };
}
