/** The reader's own points: rows of x, y, and a class or a value, out of what they pasted or opened. */
import type { Refusal } from "../../../chrome/input/upload";

export const MOST = 1500;
const LONGEST = 20_000_000;

export interface Table {
  points: number[][];
  /** How many rows there were before they were thinned. */
  rows: number;
  /** What the two classes are called, where they are words. */
  classes: string[];
}

const refuse = (why: string, where = "the table"): { refusal: Refusal } => ({
  refusal: {
    what: "These points can't be read",
    where,
    why,
    todo: "Give rows of two numbers and a class or value, parted by commas, semicolons or tabs.",
  },
});

/** Five digits are more than a picture shows. */
const short = (value: number): number => Number(value.toPrecision(5));

export function readTable(text: string): Table | { refusal: Refusal } {
  if (text.length > LONGEST) return refuse("it has more than 20 MB");
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ line: line.trim(), at: i + 1 }))
    .filter(({ line }) => line !== "");
  if (!lines.length) return refuse("it is empty");
  const parting = [";", "\t", ","].find((mark) => lines[0]!.line.includes(mark)) ?? /\s+/;
  const rows = lines.map(({ line, at }) => ({ cells: line.split(parting).map((cell) => cell.trim()), at }));
  const isNumber = (cell: string | undefined): boolean =>
    cell !== undefined && cell !== "" && Number.isFinite(Number(cell));
  if (rows.length > 1 && !isNumber(rows[0]!.cells[0]) && isNumber(rows[1]!.cells[0])) rows.shift(); // names
  const ragged = rows.find(({ cells }) => cells.length !== 3);
  if (ragged) return refuse(`it has ${ragged.cells.length} columns; 3 are needed`, `line ${ragged.at}`);
  const odd = rows.find(({ cells }) => !isNumber(cells[0]) || !isNumber(cells[1]));
  if (odd)
    return refuse(
      `a coordinate is no number: ${odd.cells.slice(0, 2).join(", ").slice(0, 40)}`,
      `line ${odd.at}`,
    );
  const words = rows.some(({ cells }) => !isNumber(cells[2]));
  const classes = words ? [...new Set(rows.map(({ cells }) => cells[2]!))] : [];
  if (words && classes.length !== 2)
    return refuse(`its last column names ${classes.length} classes; the playground tells two apart`);
  if (rows.length < 4) return refuse(`it has ${rows.length} rows; 4 are needed`);
  const all = rows.map(({ cells }) => [
    Number(cells[0]),
    Number(cells[1]),
    words ? classes.indexOf(cells[2]!) : Number(cells[2]),
  ]);
  for (const [place, name] of [
    [0, "first"],
    [1, "second"],
    [2, "last"],
  ] as const)
    if (all.every((row) => row[place] === all[0]![place]))
      return refuse(`the ${name} column is the same in every row`);
  const every = Math.max(1, rows.length / MOST);
  const points = Array.from({ length: Math.min(MOST, rows.length) }, (_, i) =>
    all[Math.floor(i * every)]!.map(short),
  );
  return { points, rows: rows.length, classes };
}
