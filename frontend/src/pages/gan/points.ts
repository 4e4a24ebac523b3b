/** The reader's own points: rows of x and y, out of what they pasted or opened. */
import type { Refusal } from "../../chrome/input/upload";

export const MOST = 1200;
const LONGEST = 60_000_000;

export interface Rows {
  points: number[][];
  /** How many there were before they were thinned. */
  rows: number;
}

const refuse = (why: string, where: string): { refusal: Refusal } => ({
  refusal: {
    what: "These points can't be read",
    where,
    why,
    todo: "Give rows of two numbers, parted by commas, semicolons, tabs or blanks.",
  },
});

export function readPoints(text: string): Rows | { refusal: Refusal } {
  if (text.length > LONGEST) return refuse("it has more than 60 MB", "the table");
  const lines = text.split(/\r\n|\r|\n/);
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
    if (cells.length !== 2) return refuse(`it has ${cells.length} columns; 2 are needed`, `line ${i + 1}`);
    const bad = cells.find((_, at) => !Number.isFinite(numbers[at]));
    if (bad !== undefined) return refuse(`${JSON.stringify(bad.slice(0, 40))} is no number`, `line ${i + 1}`);
    all.push(numbers);
  }
  if (all.length < 2) return refuse(`it has ${all.length} rows of numbers; 2 are needed`, "the table");
  if (all.every(([x, y]) => x === all[0]![0] && y === all[0]![1]))
    return refuse("all points are the same", "the table");
  const every = Math.max(1, all.length / MOST);
  const points = Array.from({ length: Math.min(MOST, all.length) }, (_, i) =>
    all[Math.floor(i * every)]!.map((one) => Number(one.toPrecision(6))),
  );
  return { points, rows: all.length };
}
