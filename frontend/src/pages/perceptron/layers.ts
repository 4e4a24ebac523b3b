/** Layers as an address holds them. */
import type { LayerOf } from "../../lib/messages";

/** `16 relu,10 sigmoid` */
export function layersOf(written: string | null): LayerOf[] {
  return (written ?? "")
    .split(",")
    .map((one) => /^(\d+) (\w+)$/.exec(one.trim()))
    .filter((found) => found !== null)
    .map(([, units, activation]) => ({ units: Number(units), activation: activation! }));
}

export const written = (layers: LayerOf[]): string =>
  layers.map(({ units, activation }) => `${units} ${activation}`).join(",");
