/** Where everything of a graph stands on a small screen: one row a column, from top to bottom. */
import { hasChannels, kindOf } from "../../lib/axes";
import type { Graph, GraphColumn } from "../../lib/messages";
import type { Box } from "../map/layout";
import { nested, spans, type Placed } from "./layout";

/** A column as a row: its name at `head`, its panes under it. */
export interface Row extends Placed {
  head: number;
  bottom: number;
}

export interface StageHead {
  label: string;
  path: string;
  y: number;
}

export interface Loop {
  from: number;
  to: number;
  /** How far to the right it goes: loops that hold others go around them. */
  depth: number;
}

export interface DownLayout {
  height: number;
  rows: Row[];
  stages: StageHead[];
  loops: Loop[];
}

/** A finger's height, for what can be tapped. */
export const HEAD = 44;
export const MARGIN = 16;
const PANES = 6;
const GAP = 4;
const TALL = { matrix: 96, strip: 24, none: 20 };
/** A map of one channel. */
const LARGEST = 160;
const AFTER = 8;
/** So many loops stand side by side. */
const DEEPEST = 3;

export function layoutDown(graph: Graph, width: number): DownLayout {
  const wide = width - 2 * MARGIN;
  const stages: StageHead[] = [];
  let y = 0;
  const rows = graph.columns.map((column, order): Row => {
    const stage = graph.stages[column.stage]!;
    if (order > 0 && column.stage !== graph.columns[order - 1]!.stage && stage.label) {
      stages.push({ ...stage, y });
      y += HEAD;
    }
    const head = y;
    const panes = boxes(column, y + HEAD, wide);
    y += HEAD + Math.max(TALL.none, ...panes.map((pane) => pane.height)) + AFTER;
    return { column, name: column.name, order, x: MARGIN, width: wide, room: wide, panes, head, bottom: y };
  });
  return { height: y, rows, stages, loops: loopsOf(rows) };
}

function boxes({ axes, channels }: GraphColumn, y: number, wide: number): Box[] {
  if (!axes) return [];
  const kind = kindOf(axes);
  if (kind === "matrix" && hasChannels(axes)) {
    const high = Math.min(LARGEST, (wide * axes.rows) / axes.columns); // a map of its own keeps its form
    return [{ x: MARGIN, y, width: (high * axes.columns) / axes.rows, height: high }];
  }
  if (kind !== "maps") return [{ x: MARGIN, y, width: wide, height: TALL[kind] }];
  const side = (wide - (PANES - 1) * GAP) / PANES;
  const ratio = Math.min(2, Math.max(0.5, axes.rows / axes.columns));
  const [width, height] = ratio > 1 ? [side / ratio, side] : [side, side * ratio];
  return channels.map((_, i) => ({ x: MARGIN + i * (side + GAP) + (side - width) / 2, y, width, height }));
}

/** What goes around: from the end of the row that is read to the head of the one that reads it. */
function loopsOf(rows: Row[]): Loop[] {
  return nested(spans(rows.map(({ column }) => column))).map(({ from, to, depth }) => ({
    from: (rows[from]!.head + HEAD + rows[from]!.bottom) / 2,
    to: rows[to]!.head + HEAD / 2,
    depth: Math.min(DEEPEST - 1, depth),
  }));
}
