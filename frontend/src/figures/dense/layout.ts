/** A dense network neuron by neuron: where each stands, and the lines between them with what goes along them. */

export interface Units {
  /** Counted from 1; 0 is the input. */
  layer: number;
  /** Those that are drawn, in their order. */
  shown: number[];
  of: number;
  x: number;
  y: number[];
}

export interface Edge {
  layer: number;
  unit: number;
  source: number;
  value: number;
  /** Of the largest that is drawn between these two layers. */
  share: number;
  path: string;
}

export interface Room {
  width: number;
  height: number;
  narrow: boolean;
}

/** Half of what a neuron, the input's picture and a picture of weights take up. */
export const BALL = 11;
export const PANE = 30;
export const MOST = 16;
export const FAINT = 0.06;
/** What the answer, its wish and its label need at the right. */
const ANSWER = 138;
const NARROW_ANSWER = 66;

export const answerWidth = (narrow: boolean): number => (narrow ? NARROW_ANSWER : ANSWER);
export const inputSide = (narrow: boolean): number => (narrow ? 56 : 116);

/** The units of a layer that are drawn: all, or those of the largest numbers. */
export function chosenUnits(sizes: ArrayLike<number>, most = MOST): number[] {
  const all = Array.from(sizes, (_, i) => i);
  if (all.length <= most) return all;
  return all
    .sort((a, b) => Math.abs(sizes[b]!) - Math.abs(sizes[a]!))
    .slice(0, most)
    .sort((a, b) => a - b);
}

/** Layers side by side, each in the middle of the height. */
export function placeUnits(shown: number[][], of: number[], room: Room): Units[] {
  const left = inputSide(room.narrow) + (room.narrow ? 22 : 92);
  const right = room.width - answerWidth(room.narrow);
  const pitch = (room.height - 24) / MOST;
  return shown.map((units, i) => {
    const last = i === shown.length - 1;
    const step = last ? (room.height - 24) / Math.max(units.length, 1) : Math.min(pitch, 40);
    const top = room.height / 2 - (step * (units.length - 1)) / 2;
    const share = shown.length > 1 ? i / (shown.length - 1) : 1;
    return {
      layer: i + 1,
      shown: units,
      of: of[i]!,
      x: left + share * (right - left),
      y: units.map((_, row) => top + row * step),
    };
  });
}

const round = (at: number): string => at.toFixed(1);

/** A line that leaves and arrives level. */
export function bend(x0: number, y0: number, x1: number, y1: number): string {
  const middle = (x0 + x1) / 2;
  return `M${round(x0)},${round(y0)}C${round(middle)},${round(y0)} ${round(middle)},${round(y1)} ${round(x1)},${round(y1)}`;
}

export const thickness = (share: number): number => (share < FAINT ? 0.7 : 0.6 + 5.4 * share);

/** How far before a neuron the lines into it end; what an output is called stands between them. */
export const before = ({ layer }: Units, depth: number): number => BALL + (layer === depth ? 24 : 3);

/** The lines into a layer from the one before it; `carries` says what goes along one. */
export function edgesInto(
  from: Units,
  to: Units,
  depth: number,
  carries: (unit: number, source: number) => number,
): Edge[] {
  const edges = to.shown.flatMap((unit, row) =>
    from.shown.map((source, place) => ({
      layer: to.layer,
      unit,
      source,
      value: carries(unit, source),
      share: 0,
      path: bend(from.x + BALL, from.y[place]!, to.x - before(to, depth), to.y[row]!),
    })),
  );
  const most = Math.max(1e-300, ...edges.map(({ value }) => Math.abs(value)));
  for (const edge of edges) edge.share = Math.abs(edge.value) / most;
  return edges.sort((a, b) => a.share - b.share);
}
