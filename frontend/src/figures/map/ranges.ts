/** How far the colour scales reach: one scale a pane, a module, or the whole network. */
import type { Number as Addressed, Scene } from "../../lib/messages";
import { at } from "../../lib/refs";
import { channel, type Tensor } from "../../lib/tensors";

export const SCALE_MODES = ["map", "module", "network"] as const;
export type ScaleMode = (typeof SCALE_MODES)[number];

export interface Range {
  /** The size of the value at the end of the scale. */
  range: number;
  /** A number of that size, with its address: the ends of the legend. */
  end: Addressed;
  /** The number of largest size. It lies beyond the end where the scale is clipped. */
  extreme: Addressed;
  clipped: boolean;
}

// A few numbers may stand out so far that all others would be paper. Then the scale ends at the 97th percentile of
// what is not zero, and says so. Slopes are always so peaked; their scale ends at a share of the largest.
const PERCENTILE = 0.97;
const OUTSTANDING = 1.5;
const SLOPE_SHARE = 0.55;
const BINS = 2048;

/** Some numbers of a tensor: one channel of it, or all. */
interface Part {
  tensor: Tensor;
  channel: number | null;
}

const numbers = ({ tensor, channel: at_ }: Part): Tensor["data"] =>
  at_ === null ? tensor.data : channel(tensor, at_);

function addressed(part: Part, place: number): Addressed {
  const data = numbers(part);
  let flat = place + (part.channel ?? 0) * (part.channel === null ? 0 : data.length);
  const index: number[] = [];
  for (const length of [...part.tensor.shape].reverse()) {
    index.unshift(flat % length);
    flat = Math.floor(flat / length);
  }
  return { ref: at(part.tensor.ref, index), value: data[place] ?? 0 };
}

/** The number of largest size that is no larger than `most`, with its address. */
function largestUpTo(parts: Part[], most: number): Addressed {
  let [found, place, size]: [Part | null, number, number] = [null, 0, -1];
  for (const part of parts) {
    const data = numbers(part);
    for (let i = 0; i < data.length; i++) {
      const here = Math.abs(data[i]!);
      if (here > size && here <= most) [found, place, size] = [part, i, here];
    }
  }
  return found ? addressed(found, place) : { ref: "", value: 0 };
}

/** The number of largest size among a tensor's, with its address. */
export const extremeOf = (tensor: Tensor): Addressed =>
  largestUpTo([{ tensor, channel: null }], Number.MAX_VALUE);

function percentile(parts: Part[], most: number): number {
  const bins = new Uint32Array(BINS);
  let count = 0;
  for (const part of parts)
    for (const value of numbers(part)) {
      const size = Math.abs(value);
      if (!(size > 0 && size <= most)) continue;
      bins[Math.min(BINS - 1, Math.floor((size / most) * BINS))]!++;
      count++;
    }
  let seen = 0;
  for (let bin = 0; bin < BINS; bin++) {
    seen += bins[bin]!;
    if (seen >= PERCENTILE * count) return ((bin + 1) / BINS) * most;
  }
  return most;
}

function reach(parts: Part[], what: "value" | "grad"): Range {
  const extreme = largestUpTo(parts, Number.MAX_VALUE);
  const most = Math.abs(extreme.value);
  const wanted = what === "grad" ? SLOPE_SHARE * most : percentile(parts, most);
  const clipped = what === "grad" ? most > 0 : most > OUTSTANDING * wanted;
  const end = clipped ? largestUpTo(parts, wanted) : extreme;
  return { range: Math.abs(end.value), end, extreme, clipped: clipped && end.value !== 0 };
}

/** Looks up the range for a channel of a column. */
export function findRanges(
  scene: Scene,
  tensors: Map<string, Tensor>,
  what: "value" | "grad",
  mode: ScaleMode,
): (path: string, channelIndex: number) => Range {
  const known = new Map<string, Range>();
  const maps = scene.columns.filter((column) => column.shape.length > 1);
  const of = (paths: string[], channelIndex: number | null): Range => {
    const key = `${paths.join(" ")} ${channelIndex}`;
    if (!known.has(key)) {
      const parts = paths.flatMap((path) => {
        const tensor = tensors.get(`${path}@${what}`);
        return tensor ? [{ tensor, channel: channelIndex }] : [];
      });
      known.set(key, reach(parts, what));
    }
    return known.get(key)!;
  };
  return (path, channelIndex) => {
    const column = scene.columns.find((one) => one.path === path);
    if (!column || column.shape.length === 1) return of([path], null);
    if (mode === "map") return of([path], channelIndex);
    const together = mode === "network" ? maps : maps.filter((one) => one.scale === column.scale);
    return of(
      together.map((one) => one.path),
      null,
    );
  };
}
