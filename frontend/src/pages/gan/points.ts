/** The reader's own points: rows of x and y, out of what they pasted or opened. */
import type { Refusal } from "../../chrome/input/upload";
import { text } from "../../lib/text";

export const MOST = 1200;
const LONGEST = 60_000_000;

export interface Rows {
  points: number[][];
  /** How many there were before they were thinned. */
  rows: number;
}

const refuse = (why: string, line?: number): { refusal: Refusal } => ({
  refusal: {
    what: text("points.what"),
    where: line === undefined ? text("points.table") : text("points.line", { line }),
    why,
    todo: text("points.giveTwo"),
  },
});

export function readPoints(given: string): Rows | { refusal: Refusal } {
  if (given.length > LONGEST) return refuse(text("points.heavy", { most: LONGEST / 1e6 }));
  const lines = given.split(/\r\n|\r|\n/);
  let parting: string | RegExp | null = null;
  const all: number[][] = [];
  for (const [i, line] of lines.entries()) {
    if (line.trim() === "") continue;
    parting ??= [";", "\t", ","].find((mark) => line.includes(mark)) ?? /\s+/;
    const cells = line
      .trim()
      .split(parting)
      .map((cell) => cell.trim());
    const numbers = cells.map((cell) => (cell === "" ? NaN : Number(cell)));
    const named = !all.length && i === 0 && numbers.every(Number.isNaN) && !/^(nan|inf)/i.test(cells[0]!);
    if (named) continue; // the columns' names
    if (cells.length !== 2) return refuse(text("points.columns", { count: cells.length, needed: 2 }), i + 1);
    const bad = cells.find((_, at) => !Number.isFinite(numbers[at]));
    if (bad !== undefined) return refuse(text("points.noNumber", { cell: bad.slice(0, 40) }), i + 1);
    all.push(numbers);
  }
  if (all.length < 2) return refuse(text("points.rows", { count: all.length, needed: 2 }));
  if (all.every(([x, y]) => x === all[0]![0] && y === all[0]![1])) return refuse(text("points.allSame"));
  const every = Math.max(1, all.length / MOST);
  const points = Array.from({ length: Math.min(MOST, all.length) }, (_, i) =>
    all[Math.floor(i * every)]!.map((one) => Number(one.toPrecision(6))),
  );
  return { points, rows: all.length };
}
