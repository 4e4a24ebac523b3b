/** Where the parts of the page stand: which steps the film shows, and how the U-Net's layers lie in its valley. */
import type { LayerShown } from "../../lib/messages";

/** So many of the steps whose pictures came along, the first and the last among them; the nearest to `at` gives way to it. */
export function film(draws: number[], most: number, at: number): number[] {
  if (!draws.length) return [];
  const count = Math.min(most, draws.length);
  const shown = Array.from({ length: count }, (_, i) =>
    count === 1 ? draws[0]! : draws[Math.round((i / (count - 1)) * (draws.length - 1))]!,
  );
  if (!shown.includes(at) && at >= draws[0]! && at <= draws.at(-1)!) {
    const nearest = shown.reduce(
      (best, one, i) => (Math.abs(one - at) < Math.abs(shown[best]! - at) ? i : best),
      0,
    );
    shown[nearest] = at;
  }
  return [...new Set(shown)].sort((a, b) => a - b);
}

export interface Valley {
  rows: number;
  columns: number;
  down: LayerShown[];
  up: LayerShown[];
}

/** One level a size, the largest first: what ran on the way down, and on the way up; the middle is the deepest level. */
export function valley(layers: LayerShown[]): Valley[] {
  const levels = new Map<string, Valley>();
  const deepest = Math.min(...layers.map((one) => one.rows));
  for (const layer of layers) {
    const key = `${layer.rows}×${layer.columns}`;
    const level = levels.get(key) ?? { rows: layer.rows, columns: layer.columns, down: [], up: [] };
    levels.set(key, level);
    const side = layer.part === "up" && !(layer.part === "up" && layer.rows === deepest) ? "up" : "down";
    level[side].push(layer);
  }
  return [...levels.values()].sort((a, b) => b.rows - a.rows);
}

/** A curve from one point to another that leaves and arrives level. */
export const bend = (x1: number, y1: number, x2: number, y2: number): string => {
  const middle = (x1 + x2) / 2;
  return `M${x1},${y1}C${middle},${y1} ${middle},${y2} ${x2},${y2}`;
};

/** 1 + 1.6 for each unit of what a tensor is multiplied by, up to a limit. */
export const stroke = (times: number): number => Math.min(16, 1 + 1.6 * Math.abs(times));
