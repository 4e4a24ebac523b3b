/** Where a U-Net's maps stand: down on the left, up on the right, and what its skip connections carry in between. */
import type { Box } from "../../figures/map/layout";
import type { MapStage } from "../../lib/messages";

export interface Row {
  /** Which stage. */
  at: number;
  x: number;
  y: number;
  side: number;
  width: number;
}
export interface Caption {
  at: number;
  x: number;
  y: number;
  /** To which side of this place the words stand. */
  anchor: "start" | "end";
}
/** A level's name, over its maps. */
export interface Heading {
  at: number;
  x: number;
  y: number;
}
export interface Arrow {
  kind: "pool" | "skip" | "grow";
  /** Of the finer of the two levels. */
  level: number;
  path: string;
  /** Where the words, or the switch, stand. */
  x: number;
  y: number;
}
export interface Layout {
  width: number;
  height: number;
  wide: boolean;
  rows: Row[];
  captions: Caption[];
  headings: Heading[];
  arrows: Arrow[];
}

export const GAP = 4;
const LARGEST = 38;
const SMALLEST = 22;
const STEP = 4;
const CAPTION = 18;
const BAND = 30;
const BETWEEN = 250;
/** Of a caption beside its maps. */
const WORDS = 86;
const INDENT = 18;
const SLOTS = 6;
const LEAST = 740;

const widthOf = (stage: MapStage, side: number): number => stage.channels.length * (side + GAP) - GAP;

/** The box of one channel's pane. */
export const boxOf = (row: Row, slot: number): Box => ({
  x: row.x + slot * (row.side + GAP),
  y: row.y,
  width: row.side,
  height: row.side,
});

export function layOut(stages: MapStage[], room: number): Layout {
  return room >= LEAST ? across(stages, room) : downwards(stages, room);
}

const placeOf = (stages: MapStage[], level: number, sides: string[], part: string): number =>
  stages.findIndex((one) => one.level === level && sides.includes(one.side) && one.part === part);

function across(stages: MapStage[], room: number): Layout {
  const largest = Math.min(LARGEST, Math.floor((room - BETWEEN) / (3 * SLOTS)) - GAP);
  const sideOf = (level: number): number => Math.max(SMALLEST, largest - STEP * level);
  const rows: Row[] = [];
  const captions: Caption[] = [];
  const headings: Heading[] = [];
  const arrows: Arrow[] = [];
  const depth = Math.max(...stages.map((one) => one.level));
  const at = (level: number, side: string, part: string): Row | undefined => {
    const found = placeOf(stages, level, [side], part);
    return rows.find((row) => row.at === found);
  };
  let y = 0;
  for (let level = 0; level <= depth; level++) {
    const side = sideOf(level);
    const [left, right] = [level * INDENT, room - level * INDENT];
    const put = (which: string, part: string, line: number, place: "left" | "right" | "middle"): void => {
      const found = placeOf(stages, level, [which], part);
      const stage = stages[found];
      if (!stage) return;
      const width = widthOf(stage, side);
      const x = place === "left" ? left : place === "right" ? right - width : Math.round((room - width) / 2);
      rows.push({ at: found, x, y: y + CAPTION + line * (side + GAP), side, width });
    };
    const above = level === 0 ? 2 : 0;
    if (level === depth) {
      put("lowest", "first", 0, "middle");
      put("lowest", "second", 1, "middle");
      headings.push({ at: placeOf(stages, level, ["lowest"], "first"), x: rows.at(-1)!.x, y: y + 12 });
      y += CAPTION + 2 * (side + GAP);
      continue;
    }
    put("input", "picture", above, "left");
    put("down", "first", above + 1, "left");
    put("down", "second", above + 2, "left");
    if (level === 0) {
      put("out", "probabilities", 0, "right");
      put("out", "logits", 1, "right");
    }
    put("up", "second", above, "right");
    put("up", "first", above + 1, "right");
    put("up", "grown", above + 2, "right");
    const grown = rows.at(-1)!;
    const carried = placeOf(stages, level, ["up"], "across");
    if (carried >= 0) {
      const width = widthOf(stages[carried]!, side);
      rows.push({ at: carried, x: grown.x - width - 2 * GAP, y: grown.y, side, width });
    }
    const top = at(level, "down", "first")!;
    headings.push({
      at: top.at,
      x: top.x,
      y: level === 0 ? y + CAPTION + above * (side + GAP) - 6 : top.y - 6,
    });
    y += CAPTION + (above + 3) * (side + GAP) + BAND;
  }
  for (const row of rows) {
    const stage = stages[row.at]!;
    if (stage.side === "lowest" || stage.part === "across" || stage.part === "grown") continue;
    const leftward = stage.side === "up" || stage.side === "out";
    captions.push({
      at: row.at,
      x: leftward ? row.x - 8 : row.x + row.width + 8,
      y: row.y + row.side / 2 + 4,
      anchor: leftward ? "end" : "start",
    });
  }
  for (let level = 0; level < depth; level++) {
    const from = at(level, "down", "second")!;
    const below = at(level + 1, level + 1 === depth ? "lowest" : "down", "first")!;
    const down = level + 1 === depth;
    const start = [from.x + 14, from.y + from.side + 3] as const;
    const end = down
      ? ([below.x - 6, below.y + below.side / 2] as const)
      : ([start[0], below.y - CAPTION - 2] as const);
    arrows.push({
      kind: "pool",
      level,
      path: down
        ? `M${start[0]} ${start[1]}V${end[1] - 8}Q${start[0]} ${end[1]} ${start[0] + 8} ${end[1]}H${end[0]}`
        : `M${start.join(" ")}V${end[1]}`,
      x: start[0] + 8,
      y: start[1] + 15,
    });
    const grown = at(level, "up", "grown")!;
    const source = at(level + 1, down ? "lowest" : "up", "second")!;
    const foot = grown.y + grown.side + 3;
    const rise = grown.x + grown.width - 14;
    arrows.push({
      kind: "grow",
      level,
      path: down
        ? `M${source.x + source.width + 6} ${source.y + source.side / 2}H${rise - 8}Q${rise} ${source.y + source.side / 2} ${rise} ${source.y + source.side / 2 - 8}V${foot}`
        : `M${rise} ${source.y - 6}V${foot}`,
      x: rise - 8,
      y: foot + 14,
    });
    const carried = at(level, "up", "across");
    if (carried) {
      const middle = from.y + from.side / 2;
      const begin = from.x + from.width + WORDS;
      arrows.push({
        kind: "skip",
        level,
        path: `M${begin} ${middle}H${carried.x - 6}`,
        x: (begin + carried.x - 6) / 2,
        y: middle,
      });
    }
  }
  return { width: room, height: y, wide: true, rows, captions, headings, arrows };
}

/** One stage under the other, in the order of the pass. */
function downwards(stages: MapStage[], room: number): Layout {
  const rows: Row[] = [];
  const captions: Caption[] = [];
  const MARGIN = 56;
  let y = 0;
  stages.forEach((stage, at) => {
    const most = Math.floor((room - MARGIN + GAP) / SLOTS) - GAP;
    const side = Math.max(SMALLEST, Math.min(48, most) - 3 * stage.level);
    captions.push({ at, x: 0, y: y + 14, anchor: "start" });
    rows.push({ at, x: 0, y: y + CAPTION + 2, side, width: widthOf(stage, side) });
    y += CAPTION + side + 14;
  });
  const arrows: Arrow[] = [];
  for (const row of rows) {
    const stage = stages[row.at]!;
    if (stage.part !== "across") continue;
    const from = rows.find((one) => one.at === placeOf(stages, stage.level, ["down"], "second"))!;
    const right = room - 6 - 9 * stage.level;
    const [top, foot] = [from.y + from.side / 2, row.y + row.side / 2];
    arrows.push({
      kind: "skip",
      level: stage.level,
      path: `M${from.x + from.width + 4} ${top}H${right - 8}Q${right} ${top} ${right} ${top + 8}V${foot - 8}Q${right} ${foot} ${right - 8} ${foot}H${row.x + row.width + 6}`,
      x: row.x + row.width + 30,
      y: row.y - 4,
    });
  }
  return { width: room, height: y, wide: false, rows, captions, headings: [], arrows };
}
