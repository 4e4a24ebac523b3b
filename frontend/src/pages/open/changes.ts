/** The changes of "what if" as they stand in the address: `op;index;axis;action;value`, one after the other. */
import { kindOf } from "../../lib/axes";
import type { Axes, Edit } from "../../lib/messages";

const ACTIONS: readonly Edit["action"][] = ["off", "scale", "set"];

export const write = (edits: Edit[]): string | null =>
  edits
    .map(({ at, index, axis, action, value }) => [at, index.join(","), axis ?? "", action, value].join(";"))
    .join(" ") || null;

/** What can't be read is left out. */
export function read(words: string | null): Edit[] {
  return (words ?? "").split(" ").flatMap((word): Edit[] => {
    const [at, places, axis, action, value] = word.split(";");
    const known = ACTIONS.find((one) => one === action);
    const index = places ? places.split(",").map(Number) : [];
    if (!at || !known || !index.every(Number.isInteger) || !Number.isFinite(Number(value))) return [];
    return [{ at, index, axis: axis ? Number(axis) : null, action: known, value: Number(value) }];
  });
}

/** Along which axes whole slices can be changed: a channel of maps; a row or a column of one picture. */
export function slices(axes: Axes): { axis: number; name: "channel" | "row" | "column" }[] {
  const kind = kindOf(axes);
  const names = ({ maps: { [-1]: "channel" }, matrix: { [-2]: "row", [-3]: "column" }, strip: {} } as const)[
    kind
  ];
  return axes.places.flatMap((place, axis) => {
    const name = (names as Record<number, "channel" | "row" | "column">)[place];
    return name ? [{ axis, name }] : [];
  });
}

/** `block1.relu1 [:, 7, :, :]` */
export function place({ at, index, axis }: Edit): string {
  const parts = index.map((one, i) => (axis === null || axis === undefined || i === axis ? one : ":"));
  return `${at.replace(/^:/, "")}${parts.length ? ` [${parts.join(", ")}]` : ""}`;
}
