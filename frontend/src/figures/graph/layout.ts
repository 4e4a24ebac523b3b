/** Where everything of a graph stands: pure arithmetic over its columns, for a width. */
import { kindOf } from "../../lib/axes";
import type { Graph, GraphColumn } from "../../lib/messages";
import type { Box } from "../map/layout";

export interface Placed {
  column: GraphColumn;
  /** Its place among all columns. */
  order: number;
  x: number;
  width: number;
  /** One box a drawn channel. */
  panes: Box[];
}

export interface Bracket {
  label: string;
  path: string;
  from: number;
  to: number;
}

export interface Arc {
  from: number;
  to: number;
  /** How far it goes up, more for what spans more. */
  lift: number;
}

export interface GraphLayout {
  width: number;
  height: number;
  columns: Placed[];
  brackets: Bracket[];
  arcs: Arc[];
  rows: { arcs: number; panes: number; skyline: number; range: number; cost: number; amount: number };
  pane: number;
}

const ROWS = 6;
const PANE = { largest: 50, smallest: 30, back: 22 };
const TIGHT = 5;
const APART = 24;
const ARCS = 26;
/** Room for what is centred over the first column and the last. */
const EDGE = 16;
/** What stands above the panes: the bracket, the names, the sizes. */
const HEAD = 82;
const SKYLINE = 64;
const COST = 34;

/** `opened`: an operation is open below, and the graph has stepped back. */
export function layoutGraph(graph: Graph, width: number, opened: boolean): GraphLayout {
  const { columns } = graph;
  const begins = (at: number): boolean =>
    at > 0 && (columns[at]!.stage !== columns[at - 1]!.stage || columns[at - 1]!.kind === "input");
  const breaks = columns.filter((_, at) => begins(at)).length;
  const fitting = (width - 2 * EDGE - breaks * (APART - TIGHT)) / columns.length - TIGHT;
  const largest = opened ? PANE.smallest : PANE.largest;
  const pane = Math.round(Math.max(opened ? PANE.back : PANE.smallest, Math.min(largest, fitting)));
  const apart = Math.min(
    APART * 2.5,
    Math.max(APART, breaks ? (width - 2 * EDGE - columns.length * (pane + TIGHT)) / breaks : 0),
  );
  const top = HEAD + ARCS;
  const pitch = pane + 4;
  const placed: Placed[] = [];
  let x = EDGE;
  columns.forEach((column, order) => {
    if (order > 0) x += begins(order) ? apart : TIGHT;
    placed.push({ column, order, x, width: pane, panes: boxes(column, x, top, pane, pitch) });
    x += pane;
  });
  const bottom = top + ROWS * pitch;
  const skyline = bottom + 14;
  const range = skyline + SKYLINE + 4;
  const cost = range + 24;
  return {
    width: x + EDGE,
    height: opened ? bottom + 6 : cost + COST + 20,
    columns: placed,
    brackets: brackets(graph, placed),
    arcs: arcs(placed),
    rows: { arcs: HEAD + ARCS - 3, panes: top, skyline, range, cost, amount: cost + COST },
    pane,
  };
}

export const HEIGHTS = { skyline: SKYLINE, cost: COST };

function boxes({ axes, channels }: GraphColumn, x: number, y: number, pane: number, pitch: number): Box[] {
  if (!axes) return [];
  const kind = kindOf(axes);
  const tall = ROWS * pitch - 4;
  if (kind === "strip") return [{ x: x + pane / 2 - 7, y, width: 14, height: tall }];
  if (kind === "matrix") return [{ x, y, width: pane, height: tall }];
  const ratio = Math.min(2, Math.max(0.5, axes.rows / axes.columns));
  const [width, height] = ratio > 1 ? [pane / ratio, pane] : [pane, pane * ratio];
  return channels.map((_, i) => ({
    x: x + (pane - width) / 2,
    y: y + i * pitch + (pane - height) / 2,
    width,
    height,
  }));
}

function brackets({ stages }: Graph, placed: Placed[]): Bracket[] {
  return stages.flatMap(({ path, label }, at) => {
    const inside = placed.filter(({ column }) => column.stage === at);
    const [first, last] = [inside[0], inside.at(-1)];
    return first && last && label ? [{ path, label, from: first.x, to: last.x + last.width }] : [];
  });
}

/** What goes around: over a column, or over several. */
function arcs(placed: Placed[]): Arc[] {
  const middle = ({ x, width }: Placed): number => x + width / 2;
  return placed.flatMap((one) => {
    const { before, skips } = one.column;
    const far = before.filter((from) => from < one.order - 1 && !isInput(placed[from]));
    const around = skips && placed[one.order - 1] ? [one.order - 1] : [];
    return [...far, ...around].map((from) => ({
      from: middle(placed[from]!) + 4,
      to: middle(one) - 4,
      lift: Math.min(ARCS - 4, 14 + 3 * (one.order - from - 1)),
    }));
  });
}

const isInput = (one: Placed | undefined): boolean => one?.column.kind === "input";

/** `256×14×14`: a shape without a batch of one. */
export const shapeOf = (shape: number[]): string =>
  (shape[0] === 1 && shape.length > 1 ? shape.slice(1) : shape)
    .map((size) => size.toLocaleString("en-US"))
    .join("×");
