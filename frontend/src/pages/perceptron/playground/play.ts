/** The playground's settings as they stand in the address, and those to begin with. */
import type { Dragged, LayerOf, PlayOf } from "../../../lib/messages";
import { layersOf, written } from "../layers";

export type Settings = Required<PlayOf>;
export const SETS = ["circle", "xor", "gaussians", "spiral", "moons", "plane", "multi_gaussian"] as const;
export const FEATURES = ["x", "y", "x2", "y2", "xy", "sinx", "siny"] as const;
export const SIGNS: Record<(typeof FEATURES)[number], string> = {
  x: "x",
  y: "y",
  x2: "x²",
  y2: "y²",
  xy: "xy",
  sinx: "sin x",
  siny: "sin y",
};

export const FIRST: Settings = {
  data: "circle",
  count: 400,
  test: 0.5,
  noise: 0.05,
  features: ["x", "y"],
  hidden: [
    { units: 4, activation: "tanh" },
    { units: 2, activation: "tanh" },
  ],
  optimiser: "Adam",
  rate: 0.01,
  momentum: 0,
  batch: 10,
  l1: 0,
  l2: 0,
  dropout: 0,
  seed: 0,
  edits: [],
};

type Plain = "count" | "test" | "noise" | "rate" | "momentum" | "batch" | "l1" | "l2" | "dropout" | "seed";
const NUMBERS: Plain[] = [
  "count",
  "test",
  "noise",
  "rate",
  "momentum",
  "batch",
  "l1",
  "l2",
  "dropout",
  "seed",
];

const editsOf = (text: string): Dragged[] =>
  text
    .split("_")
    .map((one) => one.split("~").map(Number))
    .filter((one) => one.length === 5 && one.every(Number.isFinite))
    .map(([step, layer, unit, source, value]) => ({
      step: step!,
      layer: layer!,
      unit: unit!,
      source: source!,
      value: value!,
    }));

/** From what an address holds; what it doesn't name is as at first. */
export function settingsOf(values: Record<string, string>): Settings {
  const found: Settings = { ...FIRST };
  for (const name of NUMBERS) {
    const value = Number(values[name]);
    if (values[name] !== undefined && Number.isFinite(value)) found[name] = value;
  }
  if (values["data"]) found.data = values["data"];
  if (values["features"]) found.features = values["features"].split(",");
  if (values["hidden"] !== undefined) found.hidden = layersOf(values["hidden"]);
  if (values["optimiser"]) found.optimiser = values["optimiser"];
  if (values["edits"]) found.edits = editsOf(values["edits"]);
  return found;
}

/** What of the settings differs from those at first, as an address holds it. */
export function valuesOf(settings: Settings): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  for (const name of NUMBERS) found[name] = settings[name] === FIRST[name] ? null : String(settings[name]);
  found["data"] = settings.data === FIRST.data ? null : settings.data;
  found["features"] = settings.features.join() === FIRST.features.join() ? null : settings.features.join();
  found["hidden"] = written(settings.hidden) === written(FIRST.hidden) ? null : written(settings.hidden);
  found["optimiser"] = settings.optimiser === FIRST.optimiser ? null : settings.optimiser;
  found["edits"] = settings.edits.length
    ? settings.edits.map((one) => [one.step, one.layer, one.unit, one.source, one.value].join("~")).join("_")
    : null;
  return found;
}

/** Several settings beside each other, in one value of an address. */
export const packed = (all: Settings[]): string | null =>
  all.length
    ? all
        .map((one) =>
          new URLSearchParams(
            Object.entries(valuesOf(one)).filter((pair): pair is [string, string] => pair[1] !== null),
          ).toString(),
        )
        .map((one) => one || "as=first")
        .join("|")
    : null;
export const unpacked = (text: string | null): Settings[] =>
  (text ?? "")
    .split("|")
    .filter(Boolean)
    .slice(0, 2)
    .map((one) => settingsOf(Object.fromEntries(new URLSearchParams(one))));

const layers = (units: number, activation: string, depth: number): LayerOf[] =>
  Array.from({ length: depth }, () => ({ units, activation }));

export const PRESETS: {
  key: "circle" | "spiral" | "depth" | "deep";
  settings: Settings;
  beside: Settings[];
}[] = [
  { key: "circle", settings: FIRST, beside: [] },
  {
    key: "spiral",
    settings: {
      ...FIRST,
      data: "spiral",
      noise: 0,
      hidden: layers(12, "sine", 2),
      rate: 0.03,
      batch: 20,
    },
    beside: [],
  },
  {
    key: "depth",
    settings: { ...FIRST, data: "xor", noise: 0, hidden: layers(4, "tanh", 2) },
    beside: [
      { ...FIRST, data: "xor", noise: 0, hidden: layers(4, "tanh", 1) },
      { ...FIRST, data: "xor", noise: 0, hidden: [] },
    ],
  },
  { key: "deep", settings: { ...FIRST, data: "spiral", noise: 0, hidden: layers(8, "tanh", 6) }, beside: [] },
];
