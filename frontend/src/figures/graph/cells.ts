/** What is drawn of a column: its channels' numbers, each with its address. */
import { drawnColumns, drawnRows, indexOf } from "../../lib/axes";
import type { GraphColumn } from "../../lib/messages";
import { at } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";
import type { PlacedCells } from "../pane/Panes.svelte";
import type { Placed } from "./layout";

export interface GraphCells extends PlacedCells {
  column: GraphColumn;
  order: number;
  channel: number;
}

/** The end of a column's colour scale: its number of largest size. */
export function reach(column: GraphColumn, backward: boolean): { ref: string; value: number } | null {
  if (backward) return column.steepest;
  if (!column.low || !column.high) return null;
  return Math.abs(column.low.value) > Math.abs(column.high.value) ? column.low : column.high;
}

/** What is drawn of a column: its slopes, what the changes made of it, or its numbers. */
function drawnOf(column: GraphColumn, backward: boolean): "grad" | "difference" | "value" {
  if (backward) return "grad";
  return column.changed && column.changed.value !== 0 ? "difference" : "value";
}

export function cellsOf(placed: Placed, tensors: Map<string, Tensor>, backward: boolean): GraphCells[] {
  const { column, order, panes } = placed;
  const what = drawnOf(column, backward);
  const tensor = tensors.get(`${column.path}@${what}`);
  const { axes } = column;
  if (!axes || !tensor) return [];
  const [rows, columns] = [drawnRows(axes), drawnColumns(axes)];
  const range = Math.abs((what === "difference" ? column.changed : reach(column, backward))?.value ?? 0);
  return panes.map((box, i) => {
    const channel = column.channels[i]!;
    return {
      key: `${column.path} ${channel} ${what}`,
      box,
      column,
      order,
      channel,
      rows,
      columns,
      values: tensor.data.subarray(i * rows * columns, (i + 1) * rows * columns),
      scale: backward ? "gradient" : "activation",
      range,
      refer: (row, col) => at(tensor.ref, indexOf(axes, channel, row, col)),
    };
  });
}

/** A bar of a skyline: one channel's weight, or, where there are more channels than bars, that of the largest in each place. */
export interface Bar {
  channel: number;
  value: number;
}

/** The weights of all channels, sorted; the extremes of each place where there are too many. */
export function skyline(weights: Tensor["data"], bars: number): Bar[] {
  const all = Array.from(weights, (value, channel) => ({ channel, value })).sort((a, b) => b.value - a.value);
  if (all.length <= bars) return all;
  return Array.from({ length: bars }, (_, i) => {
    const part = all.slice(Math.floor((i * all.length) / bars), Math.floor(((i + 1) * all.length) / bars));
    return part.reduce((found, one) => (Math.abs(one.value) > Math.abs(found.value) ? one : found));
  });
}
