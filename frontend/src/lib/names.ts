/** What a number is called on the page: relu 2·1 [3, 10, 8]. */
import { parse, shown } from "./refs";
import { said } from "./said";

/** Whatever knows what its columns are called. */
export interface Named {
  columns: { path: string; name: string }[];
}

/** "" for what has no address. */
export function nameOf({ columns }: Named, ref: string | null): string {
  const found = parse(ref ?? "");
  if (!found) return "";
  const column = columns.find((one) => one.path === found.path);
  return `${column?.name ?? found.path} ${shown(found.index)}`;
}

/** What a channel of the picture is called: red. */
export const colourOf = (input: { channels: string[] }, channel: number): string =>
  said(input.channels[channel] ?? "");
