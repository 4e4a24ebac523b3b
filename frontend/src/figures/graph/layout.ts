/** Where everything of a graph stands: pure arithmetic over its columns, for a width. */
import { hasChannels, kindOf } from "../../lib/axes";
import type { Graph, GraphColumn } from "../../lib/messages";
import type { Box } from "../map/layout";
import { changeOf } from "./cells";

export interface Placed {
  column: GraphColumn;
  /** Its name, without what its neighbours' names begin with too where there is no room for that. */
  name: string;
  /** Its place among all columns. */
  order: number;
  x: number;
  width: number;
  /** How wide its name may be. */
  room: number;
  /** One box a drawn channel. */
  panes: Box[];
}

export interface Bracket {
  label: string;
  path: string;
  from: number;
  to: number;
  /** How wide its label may be. */
  room: number;
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
  /** How many channels of each column are drawn. */
  shown: number;
  rows: {
    names: number;
    arcs: number;
    panes: number;
    skyline: number;
    range: number;
    cost: number;
    amount: number;
  };
  heights: { skyline: number; cost: number };
  pane: number;
}

const ROWS = { all: 6, back: 3 };
const PANE = { largest: 64, smallest: 30, back: 22, dense: 40 };
const GAP = { least: 4, most: 10 };
const TIGHT = 5;
const APART = 24;
/** Room for what goes around, and how much more for each that goes around others. */
const ARCS = 26;
const NEST = 5;
const DEEPEST = 4;
/** A picture of rows is so many panes wide, and columns so far apart, where there is room. */
const WIDEST = 3;
const LOOSE = 44;
/** Room for what is centred over the first column and the last. */
const EDGE = 16;
/** What stands above the panes: the bracket, the names, the sizes. */
const HEAD = 96;
const SKYLINE = { least: 64, most: 112 };
const COST = { least: 34, most: 60 };
/** Between the panes, the skyline, its range and the cost; and the amounts under it. */
const BETWEEN = 14 + 4 + 24 + 20;
const LETTER = 7;

/**
 * `height`: how much there is to fill. `opened`: an operation is open below, and the graph has stepped back. `dense`: as
 * many columns as possible are wanted in sight.
 */
export function layoutGraph(
  graph: Graph,
  width: number,
  height: number,
  opened: boolean,
  dense = false,
): GraphLayout {
  const { columns } = graph;
  const begins = (at: number): boolean =>
    at > 0 && (columns[at]!.stage !== columns[at - 1]!.stage || columns[at - 1]!.kind === "input");
  const breaks = columns.filter((_, at) => begins(at)).length;
  const shown = opened ? ROWS.back : ROWS.all;
  const around = nested(spans(columns)).map((span) => ({ ...span, depth: Math.min(DEEPEST, span.depth) }));
  const lifted = ARCS + NEST * Math.max(0, ...around.map((span) => span.depth));
  const fitting = (width - 2 * EDGE - breaks * (APART - TIGHT)) / columns.length - TIGHT;
  const free = height - HEAD - lifted - SKYLINE.least - COST.least - BETWEEN;
  const fitted = dense ? PANE.dense : Math.min(PANE.largest, free / shown - GAP.least);
  const largest = opened ? PANE.smallest : fitted;
  const smallest = opened ? PANE.back : dense ? PANE.dense : PANE.smallest;
  const pane = Math.floor(Math.max(smallest, Math.min(largest, fitting)));
  const left = (): number => width - 2 * EDGE - taken;
  let taken = columns.length * (pane + TIGHT) + breaks * (APART - TIGHT);
  const apart = Math.min(APART * 2.5, Math.max(APART, breaks ? APART + left() / breaks : 0));
  taken += breaks * (apart - APART);
  const matrices = columns.filter(({ axes }) => axes && kindOf(axes) === "matrix").length;
  const more = Math.floor(Math.max(0, Math.min((WIDEST - 1) * pane, left() / Math.max(1, matrices))));
  taken += matrices * more;
  const tight = dense ? TIGHT : Math.min(LOOSE, TIGHT + Math.max(0, left() / columns.length));
  const top = HEAD + lifted;
  const spare = Math.max(0, free - shown * (pane + GAP.least));
  const pitch = pane + (opened ? GAP.least : Math.min(GAP.most, GAP.least + spare / shown / 2));
  const rest = Math.max(0, free - shown * pitch);
  const heights = {
    skyline: Math.round(Math.min(SKYLINE.most, SKYLINE.least + 0.65 * rest)),
    cost: Math.round(Math.min(COST.most, COST.least + 0.35 * rest)),
  };
  const placed: Placed[] = [];
  let x = EDGE;
  columns.forEach((column, order) => {
    if (order > 0) x += begins(order) ? Math.max(apart, tight) : tight;
    const wide = pane + (column.axes && kindOf(column.axes) === "matrix" ? more : 0);
    const room = wide + tight - 1;
    const name = shortened(columns, order, room / LETTER);
    const panes = boxes(column, x, top, wide, pane, pitch, shown);
    placed.push({ column, name, order, x, width: wide, room, panes });
    x += wide;
  });
  const bottom = top + shown * pitch;
  const skyline = bottom + 14;
  const range = skyline + heights.skyline + 4;
  const cost = range + 24;
  return {
    width: x + EDGE,
    height: opened ? bottom + 6 : cost + heights.cost + 20,
    columns: placed,
    brackets: brackets(graph, placed, apart),
    arcs: arcs(placed, around),
    shown,
    rows: { names: HEAD - 32, arcs: top - 3, panes: top, skyline, range, cost, amount: cost + heights.cost },
    heights,
    pane,
  };
}

/** Of a stage's columns so many must share a word for it to be left out. */
const SHARED = 0.4;

/** `inception3a` among its like is `3a` where only that fits; the whole name stands in its title. */
export function shortened(columns: GraphColumn[], order: number, letters: number): string {
  const { name, stage, alike } = columns[order]!;
  if (name.length <= letters || alike > 1) return name;
  const inside = byStage(columns).get(stage) ?? [];
  const word = /^[a-z_ .-]{3,}/i.exec(name)?.[0] ?? "";
  const rest = name.slice(word.length).trim();
  const like = inside.filter((one) => one.name.startsWith(word) && one.name.length > word.length).length;
  const known = word && rest && rest.length <= letters && like > 1 && like >= SHARED * inside.length;
  return known ? rest : name.replace(/(?<=[a-z])(pool|norm|proj|conv|attn|drop)/gi, "\u200b$1"); // may break there
}

const grouped = new WeakMap<GraphColumn[], Map<number, GraphColumn[]>>();

/** Found once for a graph: hundreds of columns ask for their neighbours each time that they are laid out. */
function byStage(columns: GraphColumn[]): Map<number, GraphColumn[]> {
  const known = grouped.get(columns);
  if (known) return known;
  const found = new Map<number, GraphColumn[]>();
  for (const column of columns) {
    const inside = found.get(column.stage);
    if (inside) inside.push(column);
    else found.set(column.stage, [column]);
  }
  grouped.set(columns, found);
  return found;
}

function boxes(
  { axes, channels }: GraphColumn,
  x: number,
  y: number,
  wide: number,
  pane: number,
  pitch: number,
  shown: number,
): Box[] {
  if (!axes) return [];
  const kind = kindOf(axes);
  const tall = shown * pitch - 4;
  if (kind === "strip") return [{ x: x + pane / 2 - 7, y, width: 14, height: tall }];
  if (kind === "matrix") {
    // A map of its own keeps its form; rows of a text or a table take the room.
    const high = hasChannels(axes) ? Math.min(tall, (wide * axes.rows) / axes.columns) : tall;
    return [{ x, y: y + (tall - high) / 2, width: wide, height: high }];
  }
  const ratio = Math.min(2, Math.max(0.5, axes.rows / axes.columns));
  const [width, height] = ratio > 1 ? [pane / ratio, pane] : [pane, pane * ratio];
  return channels.slice(0, shown).map((_, i) => ({
    x: x + (pane - width) / 2,
    y: y + i * pitch + (pane - height) / 2,
    width,
    height,
  }));
}

function brackets({ stages }: Graph, placed: Placed[], apart: number): Bracket[] {
  return stages.flatMap(({ path, label }, at) => {
    const inside = placed.filter(({ column }) => column.stage === at);
    const [first, last] = [inside[0], inside.at(-1)];
    if (!first || !last || !label) return [];
    const [from, to] = [first.x, last.x + last.width];
    return [{ path, label, from, to, room: to - from + apart - 4 }];
  });
}

interface Span {
  from: number;
  to: number;
}

/** What goes around, by the places of the columns: over one, or over several. */
export function spans(columns: GraphColumn[]): Span[] {
  return columns.flatMap(({ before, skips }, to) => {
    const far = before.filter((from) => from < to - 1 && columns[from]?.kind !== "input");
    return [...far, ...(skips && to > 0 ? [to - 1] : [])].map((from) => ({ from, to }));
  });
}

/** How many one inside the other each of them goes around. */
export function nested(all: Span[]): (Span & { depth: number })[] {
  const length = ({ from, to }: Span): number => to - from;
  const depths = new Map<Span, number>();
  for (const span of [...all].sort((a, b) => length(a) - length(b))) {
    const inside = [...depths].filter(
      ([other]) => other.from >= span.from && other.to <= span.to && length(other) < length(span),
    );
    depths.set(span, Math.max(-1, ...inside.map(([, depth]) => depth)) + 1);
  }
  return all.map((span) => ({ ...span, depth: depths.get(span)! }));
}

function arcs(placed: Placed[], around: (Span & { depth: number })[]): Arc[] {
  const middle = (at: number): number => placed[at]!.x + placed[at]!.width / 2;
  return around.map(({ from, to, depth }) => ({
    from: middle(from) + 4,
    to: middle(to) - 4,
    lift: Math.min(ARCS - 4, 14 + 3 * (to - from - 1)) + NEST * depth,
  }));
}

/** What shows a difference says so. */
export const named = (graph: Graph, column: GraphColumn, name: string, backward: boolean): string =>
  graph.edits.length && changeOf(column, backward) ? `Δ ${name}` : name;

/** `256×14×14`: a shape without a batch of one. */
export const shapeOf = (shape: number[]): string =>
  (shape[0] === 1 && shape.length > 1 ? shape.slice(1) : shape)
    .map((size) => size.toLocaleString("en-US"))
    .join("×");
