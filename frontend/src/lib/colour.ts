/** Colour scales: diverging ones with zero at neutral, interpolated in OKLab. One scale, one meaning. */
export type ScaleName = "activation" | "gradient" | "weight" | "probability" | "belief" | "grey";
export type Theme = "light" | "dark";
type Triple = [number, number, number];

// In the light, zero is paper and large values are deep; in the dark, zero is dim and large values glow.
const STOPS: Record<Theme, Record<ScaleName, string[]>> = {
  light: {
    activation: ["#7A0A1C", "#B2182B", "#E8998C", "#F1F1EF", "#8FBFE0", "#2166AC", "#0B3767"],
    gradient: ["#40004B", "#762A83", "#BC9AC6", "#F1F1EF", "#95CB98", "#1B7837", "#00401A"],
    weight: ["#543005", "#8C510A", "#D3AE72", "#F1F1EF", "#84C6BC", "#01665E", "#00352D"],
    probability: ["#F4F3F8", "#A99AD8", "#3B1E8F"],
    belief: ["#F0B48C", "#F1F1EF", "#84CDB3"],
    grey: ["#000000", "#FFFFFF"],
  },
  dark: {
    activation: ["#FF9A8A", "#C8323E", "#22252B", "#2F78C0", "#9AD0FF"],
    gradient: ["#E0B5EC", "#8E4A9C", "#22252B", "#2F8C50", "#A6E3B5"],
    weight: ["#F0C987", "#A06A1E", "#22252B", "#14867B", "#8FE0D4"],
    probability: ["#1B1E25", "#5B3FC4", "#CFC2FF"],
    belief: ["#8A4415", "#22252B", "#0B6B50"],
    grey: ["#000000", "#FFFFFF"],
  },
};

const STEPS = 512;
const fromHex = (hex: string): Triple => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Triple;
const linear = (byte: number): number => {
  const part = byte / 255;
  return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
};
const encoded = (part: number): number => {
  const value = part <= 0.0031308 ? 12.92 * part : 1.055 * part ** (1 / 2.4) - 0.055;
  return Math.round(255 * Math.min(1, Math.max(0, value)));
};

// Björn Ottosson, "A perceptual color space for image processing" (2020).
function toLab(colour: Triple): Triple {
  const [r, g, b] = colour.map(linear) as Triple;
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromLab([L, a, b]: Triple): Triple {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encoded(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

const ramps = new Map<string, Triple[]>();

/** `STEPS` colours from the scale's low end to its high end. */
function ramp(scale: ScaleName, theme: Theme): Triple[] {
  const key = `${theme} ${scale}`;
  let colours = ramps.get(key);
  if (!colours) {
    const stops = STOPS[theme][scale].map((hex) => toLab(fromHex(hex)));
    colours = Array.from({ length: STEPS }, (_, step) => {
      const at = (step / (STEPS - 1)) * (stops.length - 1);
      const left = Math.min(stops.length - 2, Math.floor(at));
      const [from, to] = [stops[left]!, stops[left + 1]!];
      return fromLab(from.map((part, axis) => part + (to[axis]! - part) * (at - left)) as Triple);
    });
    ramps.set(key, colours);
  }
  return colours;
}

export const isDiverging = (scale: ScaleName): boolean => scale !== "probability" && scale !== "grey";

/** Where a value lies on a scale of this range, 0 to 1. Diverging scales run from -range to range. */
export function place(scale: ScaleName, value: number, range: number): number {
  const share = range > 0 ? value / range : 0;
  return Math.min(1, Math.max(0, isDiverging(scale) ? 0.5 + share / 2 : share));
}

/** The colour of a value, as CSS. */
export function colour(scale: ScaleName, value: number, range: number, theme: Theme): string {
  const [r, g, b] = ramp(scale, theme)[Math.round(place(scale, value, range) * (STEPS - 1))]!;
  return `rgb(${r} ${g} ${b})`;
}

/** Black or white, whichever reads better on the colour of this value. */
export function inkOn(scale: ScaleName, value: number, range: number, theme: Theme): string {
  const [r, g, b] = ramp(scale, theme)[Math.round(place(scale, value, range) * (STEPS - 1))]!;
  const luminance = 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  return (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) ? "#000000" : "#FFFFFF";
}

/** Fill RGBA bytes with the colours of values. Values that are not finite stay transparent: the pane hatches them. */
export function paint(
  pixels: Uint8ClampedArray,
  values: ArrayLike<number>,
  scale: ScaleName,
  range: number,
  theme: Theme,
): void {
  const colours = ramp(scale, theme);
  for (let i = 0, at = 0; i < values.length; i++, at += 4) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      pixels[at + 3] = 0;
      continue;
    }
    const [r, g, b] = colours[Math.round(place(scale, value, range) * (STEPS - 1))]!;
    pixels[at] = r;
    pixels[at + 1] = g;
    pixels[at + 2] = b;
    pixels[at + 3] = 255;
  }
}

/** CSS stops of a whole scale, for a legend. */
export function gradient(scale: ScaleName, theme: Theme): string {
  const colours = ramp(scale, theme);
  const stops = Array.from({ length: 17 }, (_, i) => colours[Math.round((i / 16) * (STEPS - 1))]!);
  return `linear-gradient(90deg, ${stops.map(([r, g, b]) => `rgb(${r} ${g} ${b})`).join(", ")})`;
}
