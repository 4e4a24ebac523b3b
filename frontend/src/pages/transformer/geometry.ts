/** Where things stand on the map of a Transformer: one column a block, shared by ribbons, ranks, heads and pushes. */
export const GUTTER = 118;
export const MOST_LANES = 40;
const LARGEST_PANE = 84;

export interface Geometry {
  width: number;
  layers: number;
  /** Of a column. */
  pitch: number;
  /** Where the streams before the first block begin, left of it. */
  stub: number;
  pane: number;
  x(layer: number): number;
}

export function geometry(width: number, layers: number): Geometry {
  const stub = 26;
  const pitch = Math.max(24, (width - GUTTER - stub) / layers);
  return {
    width: GUTTER + stub + pitch * layers,
    layers,
    pitch,
    stub,
    pane: Math.min(LARGEST_PANE, pitch - 4),
    x: (layer) => GUTTER + stub + layer * pitch,
  };
}

/** The lanes that are drawn of a text: all, or those around a position. */
export function lanes(length: number, position: number): { first: number; count: number; height: number } {
  const count = Math.min(length, MOST_LANES);
  const first = Math.max(0, Math.min(position - Math.floor(count / 2), length - count));
  return { first, count, height: count <= 12 ? 36 : 17 };
}

/** `3 + 6.2 log10(length)` pixels, of at most `most`. */
export const thickness = (length: number, most: number): number =>
  Math.min(most, 3 + 6.2 * Math.log10(Math.max(1, length)));

/** From the first, where each run of equal words begins, and how long it is. */
export function runs(words: string[]): { word: string; from: number; count: number }[] {
  const found: { word: string; from: number; count: number }[] = [];
  words.forEach((word, at) => {
    const last = found.at(-1);
    if (last?.word === word) last.count += 1;
    else found.push({ word, from: at, count: 1 });
  });
  return found;
}
