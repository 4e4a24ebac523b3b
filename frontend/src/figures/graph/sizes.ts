/** The sizes over the columns: once over neighbours that share them, and where they don't run into each other. */
import { text } from "../../lib/text";
import { shapeOf, type Placed } from "./layout";

export interface Sizes {
  from: number;
  to: number;
  lines: string[];
}

const DIGIT = 6.4;

export function sizesOver(columns: Placed[]): Sizes[] {
  const found: Sizes[] = [];
  columns.forEach((placed, i) => {
    const lines = shapeLines(placed);
    const last = found.at(-1);
    const follows = columns[i - 1]?.column.stage === placed.column.stage;
    if (last && follows && last.lines.join() === lines.join()) last.to = placed.x + placed.width;
    else found.push({ from: placed.x, to: placed.x + placed.width, lines });
  });
  let end = -Infinity;
  return found.filter(({ from, to, lines }) => {
    const half = (DIGIT * Math.max(...lines.map((line) => line.length))) / 2;
    const middle = (from + to) / 2;
    const fits = middle - half >= end;
    if (fits) end = middle + half;
    return fits;
  });
}

/** In two lines where there are many sizes. */
function shapeLines({ column }: Placed): string[] {
  const { axes, shape } = column;
  if (axes && axes.channels > 1)
    return [
      text("graph.channels", { count: axes.channels.toLocaleString("en-US") }),
      `${axes.rows}×${axes.columns}`,
    ];
  const written = shapeOf(shape);
  const [, before, last] = /^(.+×)(.+×.+)$/.exec(written) ?? [];
  return before && last ? [before, last] : [written];
}
