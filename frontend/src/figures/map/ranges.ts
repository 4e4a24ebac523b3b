/** How far the colour scales reach: one scale a pane, a module, or the whole network. */
import type { Number as Addressed, Scene } from "../../lib/messages";
import { at } from "../../lib/refs";
import { channel, type Tensor } from "../../lib/tensors";

export const SCALE_MODES = ["map", "module", "network"] as const;
export type ScaleMode = (typeof SCALE_MODES)[number];

export interface Range {
  /** The value at the end of the scale. */
  range: number;
  /** The number of largest size, with its address. */
  extreme: Addressed;
  /** The share of it at which the scale ends: less than 1 where single numbers would hide all others. */
  clip: number;
}

// Slopes are few and peaked: at their full range nearly all of them would be paper.
const GRADIENT_CLIP = 0.55;

/** The number of largest size among some, whose first one has this index. */
export function extremeOf(tensor: Tensor, channelIndex: number | null): Addressed {
  const data = channelIndex === null ? tensor.data : channel(tensor, channelIndex);
  let found = 0;
  for (let i = 1; i < data.length; i++)
    if (!(Math.abs(data[i]!) <= Math.abs(data[found]!)) && Number.isFinite(data[i]!)) found = i;
  let flat = found + (channelIndex ?? 0) * (channelIndex === null ? 0 : data.length);
  const index: number[] = [];
  for (const length of [...tensor.shape].reverse()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return { ref: at(tensor.ref, index), value: data[found] ?? 0 };
}

const larger = (one: Addressed, other: Addressed): Addressed =>
  Math.abs(other.value) > Math.abs(one.value) || !Number.isFinite(one.value) ? other : one;

const reach = (extreme: Addressed, clip: number): Range => ({
  range: Math.abs(extreme.value) * clip,
  extreme,
  clip,
});

/** Looks up the range for a channel of a column. */
export function findRanges(
  scene: Scene,
  tensors: Map<string, Tensor>,
  what: "value" | "grad",
  mode: ScaleMode,
): (path: string, channelIndex: number) => Range {
  const clip = what === "grad" ? GRADIENT_CLIP : 1;
  const nothing = reach({ ref: "", value: 0 }, clip);
  const columns = scene.columns.filter((column) => column.shape.length > 1);
  const each = new Map(
    columns.map((column) => {
      const tensor = tensors.get(`${column.path}@${what}`);
      if (what === "value") return [column.path, larger(column.low, column.high)];
      return [column.path, tensor ? extremeOf(tensor, null) : { ref: "", value: 0 }];
    }),
  );
  const groups = new Map<number, Addressed>();
  let whole: Addressed = { ref: "", value: 0 };
  for (const column of columns) {
    const extreme = each.get(column.path)!;
    groups.set(column.scale, larger(groups.get(column.scale) ?? extreme, extreme));
    whole = larger(whole, extreme);
  }
  const panes = new Map<string, Range>();
  return (path, channelIndex) => {
    const column = scene.columns.find((one) => one.path === path);
    if (path === "input" && what === "grad") {
      const tensor = tensors.get("input@grad");
      return tensor ? reach(extremeOf(tensor, null), clip) : nothing;
    }
    if (!column) return nothing;
    if (mode === "network") return reach(whole, clip);
    if (mode === "module") return reach(groups.get(column.scale) ?? whole, clip);
    const key = `${path} ${channelIndex}`;
    const tensor = tensors.get(`${path}@${what}`);
    if (!panes.has(key)) panes.set(key, tensor ? reach(extremeOf(tensor, channelIndex), clip) : nothing);
    return panes.get(key)!;
  };
}
