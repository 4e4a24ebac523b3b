/** Where things stand on the map of a Vision Transformer: a column for what goes in, then one for each block. */
export const GUTTER = 118;
const LARGEST = 86;
const SMALLEST = 22;
const GAP = 6;

export interface Geometry {
  width: number;
  /** Of a column. */
  pitch: number;
  pane: number;
  /** The left edge of a column's pane; -1 is what goes into the first block. */
  x(layer: number): number;
}

export function geometry(width: number, layers: number): Geometry {
  const pitch = Math.max(SMALLEST + GAP, (width - GUTTER) / (layers + 1));
  const pane = Math.min(LARGEST, pitch - GAP);
  return {
    width: GUTTER + pitch * (layers + 1),
    pitch,
    pane,
    x: (layer) => GUTTER + (layer + 1) * pitch + (pitch - pane) / 2,
  };
}
