/** What is drawn of a column: its channels' numbers, each with its address. */
import { drawnColumns, drawnRows, indexOf, kindOf } from "../../lib/axes";
import type { Graph, GraphColumn } from "../../lib/messages";
import { exact } from "../../lib/numbers";
import { at } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";
import { text } from "../../lib/text";
import type { PlacedCells } from "../pane/Panes.svelte";
import type { Placed } from "./layout";

export interface GraphCells extends PlacedCells {
  column: GraphColumn;
  order: number;
  channel: number;
  /** Drawn along a row what stands in a column. */
  turned: boolean;
}

/** A number that was chosen: of which tensor, and where in it. */
export interface Chosen {
  path: string;
  index: number[];
}

/** Whether a chosen number is of what is drawn here. */
export const isOf = ({ column, channel }: GraphCells, chosen: Chosen | null): boolean =>
  chosen?.path === column.path &&
  column.axes!.places.every((place, axis) => place !== -1 || chosen.index[axis] === channel);

/** The column that an operation stands in, or folded into; of a part of one, the column of the whole. */
export function columnOf({ columns, paths }: Graph, operation: string): number {
  const whole = operation.split(/[/~]/)[0]!;
  const at = paths.indexOf(whole);
  return columns.findIndex(({ path, begins, ends }) => path === whole || (begins <= at && at < ends));
}

/** Where the number of largest size stands in what is drawn. */
export function peak({ values, columns }: GraphCells): { row: number; column: number } {
  let found = 0;
  for (let i = 1; i < values.length; i++) if (Math.abs(values[i]!) > Math.abs(values[found]!)) found = i;
  return { row: Math.floor(found / columns), column: found % columns };
}

/** What a screen reader is told of it. */
export function describe(cell: GraphCells): string {
  const { row, column } = peak(cell);
  const largest = exact(cell.values[row * cell.columns + column]!);
  const { channel, rows, columns } = cell;
  return text("map.pane", { name: cell.column.name, channel, rows, columns, largest });
}

/** The end of a column's colour scale: its number of largest size. */
export function reach(column: GraphColumn, backward: boolean): { ref: string; value: number } | null {
  if (backward) return column.steepest;
  if (!column.low || !column.high) return null;
  return Math.abs(column.low.value) > Math.abs(column.high.value) ? column.low : column.high;
}

/** What the changes made of what is shown of a column; null where they made nothing of it. */
export function changeOf(column: GraphColumn, backward: boolean): GraphColumn["changed"] {
  const found = backward ? column.turned : column.changed;
  return found && found.value !== 0 ? found : null;
}

/** What is drawn of a column: its numbers or its slopes, or what the changes made of them. */
function drawnOf(column: GraphColumn, backward: boolean): string {
  if (changeOf(column, backward)) return backward ? "slopedifference" : "difference";
  return backward ? "grad" : "value";
}

/** `flat`: strips lie. */
export function cellsOf(
  placed: Placed,
  tensors: Map<string, Tensor>,
  backward: boolean,
  flat = false,
): GraphCells[] {
  const { column, order, panes } = placed;
  const what = drawnOf(column, backward);
  const tensor = tensors.get(`${column.path}@${what}`);
  const { axes } = column;
  if (!axes || !tensor) return [];
  const turned = flat && kindOf(axes) === "strip";
  const [down, across] = [drawnRows(axes), drawnColumns(axes)];
  const [rows, columns] = turned ? [across, down] : [down, across];
  const range = Math.abs((changeOf(column, backward) ?? reach(column, backward))?.value ?? 0);
  return panes.map((box, i) => {
    const channel = column.channels[i]!;
    return {
      key: `${column.path} ${channel} ${what}${turned ? " flat" : ""}`,
      box,
      column,
      order,
      channel,
      turned,
      rows,
      columns,
      values: tensor.data.subarray(i * rows * columns, (i + 1) * rows * columns),
      scale: backward ? "gradient" : "activation",
      range,
      refer: (row, col) =>
        at(tensor.ref, indexOf(axes, channel, ...(turned ? ([col, row] as const) : ([row, col] as const)))),
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
