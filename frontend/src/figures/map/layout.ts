/** Where everything on the map stands: pure arithmetic over the scene, for a width and a height. */
import type { Column, Scene } from "../../lib/messages";
import { size as volume } from "../../lib/tensors";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

export interface Placed {
  column: Column;
  /** One box a channel. */
  panes: Box[];
  /** A vector drawn as one strip a channel of the map that it was flattened from. */
  strip: boolean;
  /** Columns between two sets of lines belong together. */
  group: number;
  x: number;
  width: number;
}

export interface Wires {
  column: Column;
  /** Where the lines leave, one place an input channel, and where they arrive, one an output channel. */
  from: [number, number][];
  to: [number, number][];
}

export interface Span {
  label: string;
  from: number;
  to: number;
}

/** A few words on the map: what a column or a row is called, and its size. */
export interface Head {
  words: string;
  kind: "name" | "size" | "stage";
  x: number;
  y: number;
  align: "start" | "middle" | "end";
}

export interface Layout {
  width: number;
  height: number;
  downwards: boolean;
  /** Where the opened part lies; the rest has stepped back around it. */
  vitrine: Box | null;
  picture: Box;
  input: Box[];
  columns: Placed[];
  /** One row a class. */
  classes: Box[];
  wires: Wires[];
  brackets: Span[];
  heads: Head[];
  legends: (Span & { scale: number })[];
  /** Where the headings begin. */
  top: number;
  bottom: number;
}

/** How wide the input and the output stand, and the picture; narrower below `ROOM_FOR_NEIGHBOURS`. */
const WIDE = { input: 144, output: 202, picture: 112, gap: 78 };
const NARROW = { input: 122, output: 164, picture: 96, gap: 32 };
const MARGIN = 32;
const HEAD = 62;
const FOOT = 62;
const TIGHT = 4;
const STRIP = 9;
const LARGEST_PITCH = 58;
/** On a page this wide panes grow; text doesn't. */
const VAST = { width: 1920, grows: 1.28 };

/** How many panes a column has: one a channel, or, for a vector, one a channel of the map that it is made of. */
export function channels(scene: Scene, column: Column): number {
  if (column.shape.length > 1) return column.shape[0]!;
  const before = scene.columns.find((one) => one.path === column.inputs[0]);
  return before && before.shape.length > 1 && volume(before.shape) === column.shape[0] ? before.shape[0]! : 1;
}

/** Panes shrink with their tensor's resolution, so that pooling can be seen. */
function paneSize(column: Column, largest: number, pitch: number): number {
  const resolution = column.shape.at(-1)! / largest;
  const share = resolution > 0.9 ? 50 : resolution > 0.42 ? 46 : resolution > 0.3 ? 42 : 38;
  return Math.max(22, Math.round((share / LARGEST_PITCH) * pitch));
}

/** The scores are drawn as the list of classes, not as panes. */
export const isOutput = (scene: Scene, column: Column): boolean =>
  column.shape.length === 1 && column.shape[0] === scene.classes.length && column === scene.columns.at(-1);

/** The map from left to right. */
export function layoutAcross(scene: Scene, width: number, height: number): Layout {
  const space = width < ROOM_FOR_NEIGHBOURS ? NARROW : WIDE;
  const drawn = scene.columns.filter((column) => !isOutput(scene, column));
  const rows = Math.max(...drawn.map((column) => (column.shape.length > 1 ? column.shape[0]! : 1)));
  const top = HEAD;
  const bottom = height - FOOT;
  const pitch = Math.min(LARGEST_PITCH * (width > VAST.width ? VAST.grows : 1), (bottom - top) / rows);
  const used = pitch * rows;
  const lift = Math.max(0, (bottom - top - used) / 2); // headings, rows and scales stand together, in the middle
  const offset = top + lift;
  const middle = (count: number, i: number, step = pitch): number =>
    offset + used / 2 + (i - (count - 1) / 2) * step;
  const largest = Math.max(...drawn.filter((column) => column.shape.length > 1).map((c) => c.shape.at(-1)!));

  const widths = drawn.map((column) => (column.shape.length > 1 ? paneSize(column, largest, pitch) : STRIP));
  const roomForNames = space === WIDE && Math.min(...widths.filter((each) => each !== STRIP)) >= 32;
  const gaps = drawn.filter((column, i) => column.mixes || i === 0).length + 1;
  const inner = width - 2 * MARGIN - space.input - space.output;
  const tight = drawn.length - (gaps - 1);
  const strips = drawn.filter((column) => column.shape.length === 1).length;
  const taken = widths.reduce((sum, each) => sum + each, 0) + tight * TIGHT + strips * 20;
  const gap = Math.max(space.gap, (inner - taken) / gaps);

  const columns: Placed[] = [];
  const wires: Wires[] = [];
  const count = scene.input.channels.length;
  const side = Math.min(50, Math.round((50 / LARGEST_PITCH) * pitch));
  const step = Math.min(74, Math.max(side + 12, pitch * 1.25));
  const picture = space.picture;
  const block = picture + 76 + count * step;
  const inputTop = Math.max(top, offset + used / 2 - block / 2);
  const input = Array.from({ length: count }, (_, i) => ({
    x: MARGIN + space.input - side - 2,
    y: inputTop + picture + 76 + i * step,
    width: side,
    height: side,
  }));
  let outlets: [number, number][] = input.map((box) => [box.x + box.width + 2, box.y + box.height / 2]);

  let x = MARGIN + space.input;
  drawn.forEach((column, i) => {
    const strip = column.shape.length === 1;
    x += column.mixes || i === 0 ? gap : strip ? 20 + TIGHT : TIGHT;
    const number = channels(scene, column);
    const wide = widths[i]!;
    const tall = strip ? Math.min(pitch - 5, 52) : wide;
    const panes = Array.from({ length: number }, (_, at) => ({
      x,
      y: middle(number, at) - tall / 2,
      width: wide,
      height: tall,
    }));
    if (column.mixes || i === 0)
      wires.push({ column, from: outlets, to: panes.map((box) => [box.x - 2, box.y + box.height / 2]) });
    outlets = panes.map((box) => [box.x + box.width + 2, box.y + box.height / 2]);
    columns.push({ column, panes, strip, group: wires.length - 1, x, width: wide });
    x += wide;
  });

  const classCount = scene.classes.length;
  const classPitch = Math.min(pitch, used / classCount);
  const left = width - MARGIN - space.output + 12;
  const classes = scene.classes.map((_, i) => ({
    x: left,
    y: middle(classCount, i, classPitch) - classPitch / 2 + 4,
    width: space.output - 12,
    height: classPitch - 8,
  }));
  const output = scene.columns.at(-1);
  if (output && isOutput(scene, output))
    wires.push({
      column: output,
      from: outlets,
      to: classes.map((box) => [box.x - 2, box.y + box.height / 2]),
    });

  return {
    width,
    height,
    downwards: false,
    vitrine: null,
    picture: { x: MARGIN, y: inputTop, width: picture, height: picture },
    input,
    columns,
    classes,
    wires,
    brackets: brackets(scene, columns),
    heads: [
      ...brackets(scene, columns).map(stageHead),
      ...(roomForNames ? columns.flatMap(columnHeads) : groupHeads(columns)),
    ].map((head) => ({ ...head, y: head.y + lift })),
    legends: legends(columns),
    top: lift,
    bottom: offset + used,
  };
}

/** An opened sum wants this much. */
const VITRINE = 850;
const BACK = { pane: 22, tight: 4, apart: 18, strip: 6, picture: 56, pitch: 42, classes: 112 };
/** Below this width an opened part has the page to itself. */
export const ROOM_FOR_NEIGHBOURS = 1180;

/** The map with one operation opened: what lies before it and after it steps back, but stays in view. */
export function layoutOpened(scene: Scene, path: string, width: number, height: number): Layout {
  const found = scene.columns.findIndex((column) => column.path === path);
  // What is no column stands before them all (the input) or after them (what was appended at the root).
  const opened = found >= 0 || path === "input" ? found : scene.columns.length;
  const source = scene.columns.findIndex((column) => scene.columns[opened]?.inputs.includes(column.path));
  const alone = width < ROOM_FOR_NEIGHBOURS;
  const drawn = alone ? [] : scene.columns.filter((column) => !isOutput(scene, column));
  const before = drawn.filter((column) => scene.columns.indexOf(column) < (source < 0 ? opened : source));
  const after = drawn.filter((column) => scene.columns.indexOf(column) > opened);
  const rows = Math.max(1, ...drawn.map((column) => (column.shape.length > 1 ? column.shape[0]! : 1)));
  const top = 46;
  const pitch = Math.min(BACK.pitch, (height - top - 40) / rows);
  const columns: Placed[] = [];
  const wires: Wires[] = [];
  const middle = (count: number, i: number): number =>
    top + (pitch * rows) / 2 + (i - (count - 1) / 2) * pitch;

  const room = width - 2 * MARGIN - BACK.picture - 18 - BACK.classes - 112;
  const stepped = [...before, ...after];
  const needs = stepped.reduce(
    (sum, column) => sum + BACK.pane + (column.mixes ? BACK.apart : BACK.tight),
    0,
  );
  const back = needs > room - VITRINE ? { ...BACK, pane: 18, apart: 9, tight: 2 } : BACK;

  const put = (list: Column[], start: number): number => {
    let x = start;
    list.forEach((column, i) => {
      const strip = column.shape.length === 1;
      const wide = strip ? back.strip : Math.min(back.pane, pitch - 4);
      if (i > 0) x += column.mixes ? back.apart : back.tight;
      const number = channels(scene, column);
      const tall = Math.min(back.pane, pitch - 4);
      const panes = Array.from({ length: number }, (_, at) => ({
        x,
        y: middle(number, at) - tall / 2,
        width: wide,
        height: tall,
      }));
      columns.push({ column, panes, strip, group: -1, x, width: wide });
      x += wide;
    });
    return x;
  };

  const left = alone ? MARGIN : put(before, MARGIN + BACK.picture + 18) + 24;
  const outputOpened = opened >= scene.columns.length - 1;
  const afterWidth = after.reduce(
    (sum, column, i) =>
      sum +
      (column.shape.length === 1 ? back.strip : back.pane) +
      (i ? (column.mixes ? back.apart : back.tight) : 0),
    0,
  );
  const right = alone
    ? width - MARGIN
    : width - MARGIN - BACK.classes - (outputOpened ? 24 : 40 + afterWidth + 24);
  if (!alone) put(after, right + 24);
  const classPitch = Math.min(pitch, (pitch * rows) / scene.classes.length);
  const classes = alone
    ? []
    : scene.classes.map((_, i) => ({
        x: width - MARGIN - BACK.classes,
        y: middle(scene.classes.length, 0) + i * classPitch - 10,
        width: BACK.classes,
        height: 20,
      }));
  const last = columns.at(-1);
  const output = scene.columns.at(-1);
  if (!alone && after.length && last && output && isOutput(scene, output))
    wires.push({
      column: output,
      from: last.panes.map((box) => [box.x + box.width + 2, box.y + box.height / 2]),
      to: classes.map((box) => [box.x - 4, box.y + box.height / 2]),
    });
  const size = alone ? 0 : BACK.picture;
  return {
    width,
    height,
    downwards: false,
    vitrine: { x: left, y: 0, width: right - left, height },
    picture: { x: MARGIN, y: top - 6, width: size, height: size },
    input: [],
    columns,
    classes,
    wires,
    brackets: [],
    heads: alone ? [] : backHeads(columns),
    legends: [],
    top: 0,
    bottom: top + pitch * rows,
  };
}

/** One bracket a stage: over the columns that lie side by side in one module. */
function brackets(scene: Scene, columns: Placed[]): Span[] {
  return scene.stages.flatMap((stage, index) => {
    const inside = columns.filter(({ column }) => column.stage === index);
    if (!inside.length || !stage.label) return [];
    const last = inside.at(-1)!;
    return [{ label: stage.label, from: inside[0]!.x, to: last.x + last.width }];
  });
}

const stageHead = ({ label, from, to }: Span): Head => ({
  words: label,
  kind: "stage",
  x: (from + to) / 2,
  y: -2,
  align: "middle",
});

/** 28×28 for maps, 490 for vectors. */
export const sizeOf = ({ shape }: Column): string =>
  shape.length > 1 ? shape.slice(1).join("×") : shape[0]!.toLocaleString("en-US");

function columnHeads({ column, x, width }: Placed): Head[] {
  const middle = { x: x + width / 2, align: "middle" } as const;
  return [
    { ...middle, words: column.label, kind: "name", y: 22 },
    { ...middle, words: sizeOf(column), kind: "size", y: 37 },
  ];
}

/** Over what stepped back: the name of each operation that mixes channels. */
function backHeads(columns: Placed[]): Head[] {
  return columns
    .filter(({ column, strip }) => !strip && column.mixes)
    .map(({ column, x }) => ({ words: column.name, kind: "size", x, y: 14, align: "start" }) satisfies Head);
}

/** Where columns stand too close for a name each: one for all between two sets of lines. */
function groupHeads(columns: Placed[]): Head[] {
  return [...new Set(columns.map(({ group }) => group))].flatMap((group) => {
    const inside = columns.filter((placed) => placed.group === group && !placed.strip);
    const [first, last] = [inside[0]!, inside.at(-1)!];
    const middle = { x: (first.x + last.x + last.width) / 2, align: "middle" } as const;
    const sizes = [...new Set([first, last].map(({ column }) => sizeOf(column)))];
    return [
      { ...middle, words: inside.map(({ column }) => column.label).join(", "), kind: "name", y: 22 },
      { ...middle, words: sizes.join(" → "), kind: "size", y: 37 },
    ] satisfies Head[];
  });
}

/** One legend a colour scale, as wide as the columns that use it. */
function legends(columns: Placed[]): (Span & { scale: number })[] {
  const found = new Map<number, Span & { scale: number }>();
  for (const { column, x, width, strip } of columns) {
    if (strip) continue;
    const known = found.get(column.scale);
    if (known) known.to = x + width;
    else found.set(column.scale, { label: "", scale: column.scale, from: x, to: x + width });
  }
  return [...found.values()];
}
