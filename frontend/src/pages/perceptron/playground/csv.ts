/** The reader's own points: rows of x, y, and a class or a value, out of what they pasted or opened. */
import type { Refusal } from "../../../chrome/input/upload";
import { text } from "../../../lib/text";

export const MOST = 1500;
const LONGEST = 20_000_000;

export interface Table {
  points: number[][];
  /** How many rows there were before they were thinned. */
  rows: number;
  /** What the two classes are called, where they are words. */
  classes: string[];
}

const refuse = (why: string, line?: number): { refusal: Refusal } => ({
  refusal: {
    what: text("points.what"),
    where: line === undefined ? text("points.table") : text("points.line", { line }),
    why,
    todo: text("points.giveThree"),
  },
});

/** Five digits are more than a picture shows. */
const short = (value: number): number => Number(value.toPrecision(5));

export function readTable(given: string): Table | { refusal: Refusal } {
  if (given.length > LONGEST) return refuse(text("points.heavy", { most: LONGEST / 1e6 }));
  const lines = given
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ line: line.trim(), at: i + 1 }))
    .filter(({ line }) => line !== "");
  if (!lines.length) return refuse(text("points.empty"));
  const parting = [";", "\t", ","].find((mark) => lines[0]!.line.includes(mark)) ?? /\s+/;
  const rows = lines.map(({ line, at }) => ({ cells: line.split(parting).map((cell) => cell.trim()), at }));
  const isNumber = (cell: string | undefined): boolean =>
    cell !== undefined && cell !== "" && Number.isFinite(Number(cell));
  if (rows.length > 1 && !isNumber(rows[0]!.cells[0]) && isNumber(rows[1]!.cells[0])) rows.shift(); // names
  const ragged = rows.find(({ cells }) => cells.length !== 3);
  if (ragged) return refuse(text("points.columns", { count: ragged.cells.length, needed: 3 }), ragged.at);
  const odd = rows.find(({ cells }) => !isNumber(cells[0]) || !isNumber(cells[1]));
  if (odd)
    return refuse(
      text("points.coordinate", { cells: odd.cells.slice(0, 2).join(", ").slice(0, 40) }),
      odd.at,
    );
  const words = rows.some(({ cells }) => !isNumber(cells[2]));
  const classes = words ? [...new Set(rows.map(({ cells }) => cells[2]!))] : [];
  if (words && classes.length !== 2) return refuse(text("points.classes", { count: classes.length }));
  if (rows.length < 4) return refuse(text("points.rows", { count: rows.length, needed: 4 }));
  const all = rows.map(({ cells }) => [
    Number(cells[0]),
    Number(cells[1]),
    words ? classes.indexOf(cells[2]!) : Number(cells[2]),
  ]);
  for (const [place, name] of ["first", "second", "last"].entries())
    if (all.every((row) => row[place] === all[0]![place]))
      return refuse(text(`points.same.${name as "first"}`));
  const every = Math.max(1, rows.length / MOST);
  const points = Array.from({ length: Math.min(MOST, rows.length) }, (_, i) =>
    all[Math.floor(i * every)]!.map(short),
  );
  return { points, rows: rows.length, classes };
}
