/** A latent's channels beside each other in a square: where each stands, and which number is at a place. */
import type { ScaleName } from "../../lib/colour";
import type { Tensor } from "../../lib/tensors";
import { at } from "../../lib/refs";
import type { PlacedCells } from "../pane/Panes.svelte";

/** A number of a latent: its channel, row and column. */
export type Place = [number, number, number];

export interface Mosaic {
  /** Panes beside each other. */
  across: number;
  down: number;
  /** The side of each, in pixels. */
  pane: number;
  gap: number;
  width: number;
  height: number;
}

export function mosaic(channels: number, side: number): Mosaic {
  const across = Math.ceil(Math.sqrt(channels));
  const down = Math.ceil(channels / across);
  const gap = across > 3 || side < 90 ? 1 : 2;
  const pane = (side - gap * (across - 1)) / across;
  return { across, down, pane, gap, width: side, height: down * pane + gap * (down - 1) };
}

/** The corner of a channel's pane. */
export const corner = ({ across, pane, gap }: Mosaic, channel: number): [number, number] => [
  (channel % across) * (pane + gap),
  Math.floor(channel / across) * (pane + gap),
];

/** Every channel of a latent (C, H, W) as a pane. */
export function panes(tensor: Tensor, grid: Mosaic, range: number, scale: ScaleName): PlacedCells[] {
  const [channels = 0, rows = 0, columns = 0] = tensor.shape;
  return Array.from({ length: channels }, (_, c) => {
    const [x, y] = corner(grid, c);
    return {
      key: String(c),
      values: tensor.data.subarray(c * rows * columns, (c + 1) * rows * columns),
      rows,
      columns,
      scale,
      range,
      refer: (row, column) => at(tensor.ref, [c, row, column]),
      box: { x, y, width: grid.pane, height: grid.pane },
    };
  });
}

/** Which number lies at a point of the square; null between panes. */
export function placeAt(grid: Mosaic, shape: number[], x: number, y: number): Place | null {
  const [channels = 0, rows = 0, columns = 0] = shape;
  const pitch = grid.pane + grid.gap;
  const [across, down] = [Math.floor(x / pitch), Math.floor(y / pitch)];
  const [left, top] = [x - across * pitch, y - down * pitch];
  const channel = down * grid.across + across;
  if (across < 0 || down < 0 || across >= grid.across || channel >= channels) return null;
  if (left >= grid.pane || top >= grid.pane) return null;
  return [channel, Math.floor((top / grid.pane) * rows), Math.floor((left / grid.pane) * columns)];
}

/** The next place when an arrow is pressed: over a channel's edge into the one beside it. */
export function moved(
  [channel, row, column]: Place,
  key: string,
  grid: Mosaic,
  shape: number[],
): Place | null {
  const [channels = 0, rows = 0, columns = 0] = shape;
  const steps: Record<string, [number, number]> = {
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
  };
  const step = steps[key];
  if (!step) return null;
  const down = Math.floor(channel / grid.across) * rows + row + step[0];
  const across = (channel % grid.across) * columns + column + step[1];
  const [downTo, acrossTo] = [Math.floor(down / rows), Math.floor(across / columns)];
  const to = downTo * grid.across + acrossTo;
  const outside = down < 0 || across < 0 || acrossTo >= grid.across || to >= channels;
  return outside ? [channel, row, column] : [to, down - downTo * rows, across - acrossTo * columns];
}
