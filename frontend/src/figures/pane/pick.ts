/** What a figure drawn on a canvas answers when asked for the number at a place. */
import type { ScaleName } from "../../lib/colour";

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
