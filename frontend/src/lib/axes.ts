/** Which of a tensor's numbers a picture shows, and where each of them stands in the tensor. */
import type { Axes } from "./messages";

const [CHANNEL, ROW, COLUMN] = [-1, -2, -3];

/** The full index of what is drawn at a row and column of a channel's picture. */
export function indexOf(axes: Axes, channel: number, row: number, column: number): number[] {
  const found: Record<number, number> = {
    [CHANNEL]: channel,
    [ROW]: row * axes.row_step,
    [COLUMN]: column * axes.column_step,
  };
  return axes.places.map((place) => found[place] ?? place);
}

/** How many of the rows and columns are drawn. */
export const drawnRows = (axes: Axes): number => Math.ceil(axes.rows / axes.row_step);
export const drawnColumns = (axes: Axes): number => Math.ceil(axes.columns / axes.column_step);

/** Maps of several channels; one picture; or a strip. */
export const kindOf = (axes: Axes): "maps" | "matrix" | "strip" =>
  axes.channels > 1 ? "maps" : axes.columns > 1 ? "matrix" : "strip";

/** Whether its rows and columns are those of a map, be it of one channel, and not of a text or a table. */
export const hasChannels = (axes: Axes): boolean => axes.places.includes(CHANNEL);
