/** What a figure drawn on a canvas answers when asked for the number at a place. */
import type { ScaleName } from "../../lib/colour";

/** The numbers of one pane, and how they are coloured. */
export interface Cells {
  values: ArrayLike<number>;
  rows: number;
  columns: number;
  scale: ScaleName;
  /** The size of the value at the end of the scale. */
  range: number;
  /** The address of the number at a row and column. */
  refer: (row: number, column: number) => string;
}

export interface Picked {
  ref: string;
  value: number;
  row: number;
  column: number;
  scale: ScaleName;
  range: number;
}

export interface PickingCanvas extends HTMLCanvasElement {
  /** x and y in CSS pixels from the canvas's own corner. */
  pick(x: number, y: number): Picked | null;
}

/** The number at a share of a pane's width and height. */
export function pickFrom(cells: Cells, across: number, down: number): Picked | null {
  const column = Math.floor(across * cells.columns);
  const row = Math.floor(down * cells.rows);
  if (column < 0 || row < 0 || column >= cells.columns || row >= cells.rows) return null;
  const value = cells.values[row * cells.columns + column]!;
  return { ref: cells.refer(row, column), value, row, column, scale: cells.scale, range: cells.range };
}
