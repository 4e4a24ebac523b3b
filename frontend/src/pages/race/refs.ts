/** What the figures of the race are called: `race:LAYER/NAME#FIELD@value`; `FIELD/1e6` is a millionth of it. */
import { fixed } from "../../lib/numbers";

export type Layer = "claimed" | "published" | "measured" | "match" | "slim" | "baseline" | "verdict";

export interface Figure {
  ref: string;
  value: number;
  text: string;
}

export const refTo = (layer: Layer, name: string, field: string): string =>
  `race:${layer}/${name}#${field}@value`;

/** A figure in a unit, to so many decimals. */
export function inUnits(
  layer: Layer,
  name: string,
  field: string,
  value: number,
  unit: number,
  digits: number,
): Figure {
  const suffix = unit === 1 ? "" : `/${unit >= 1000 ? `1e${Math.log10(unit)}` : unit}`;
  const [path, index] = field.split("[");
  const whole = `${path}${suffix}${index ? `[${index}` : ""}`;
  return { ref: refTo(layer, name, whole), value: value / unit, text: fixed(value / unit, digits) };
}

/** So many digits that three of them count. */
export const digitsFor = (value: number): number => (value >= 99.5 ? 0 : value >= 9.95 ? 1 : 2);
