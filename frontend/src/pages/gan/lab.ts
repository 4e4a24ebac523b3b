/** The laboratory's settings as they stand in the address, and those to begin with. */
import type { Act, ActorOf, LabOf, LayerOf } from "../../lib/messages";
import { layersOf, written } from "../perceptron/layers";

export type Actor = Required<ActorOf>;
export type Lab = Required<Omit<LabOf, "generator" | "discriminator">> & {
  generator: Actor;
  discriminator: Actor;
};
export type Role = "generator" | "discriminator";
export const ROLES: Role[] = ["generator", "discriminator"];
export const SETS = [
  "gaussians-8",
  "ring",
  "line",
  "gaussians",
  "disjoint",
  "grid",
  "moons",
  "spiral",
] as const;
export const LOSSES = ["non_saturating", "saturating", "least_squares", "wasserstein", "hinge"] as const;
export const OPTIMISERS = ["Adam", "SGD", "momentum", "RMSprop"] as const;
export const ACTIVATIONS = ["leaky_relu", "relu", "tanh", "sigmoid"] as const;

const layers = (units: number, activation: string, depth: number): LayerOf[] =>
  Array.from({ length: depth }, () => ({ units, activation }));
const actor = (hidden: LayerOf[], more: Partial<Actor> = {}): Actor => ({
  hidden,
  optimiser: "Adam",
  rate: 0.001,
  beta1: 0,
  beta2: 0.99,
  steps: 1,
  ...more,
});

export const FIRST: Lab = {
  data: "gaussians-8",
  noise: "gaussian",
  numbers: 2,
  loss: "non_saturating",
  penalty: 0.1,
  zero_centred: 0.1,
  batch: 150,
  seed: 0,
  generator: actor(layers(14, "tanh", 2)),
  discriminator: actor(layers(14, "leaky_relu", 2), { rate: 0.002 }),
  acts: [],
};

type Plain = "numbers" | "penalty" | "zero_centred" | "batch" | "seed";
const NUMBERS: Plain[] = ["numbers", "penalty", "zero_centred", "batch", "seed"];
const WORDS = ["data", "noise", "loss"] as const;
type Share = "rate" | "beta1" | "beta2" | "steps";
const SHARES: Share[] = ["rate", "beta1", "beta2", "steps"];
const LETTER: Record<Role, string> = { generator: "g", discriminator: "d" };

const actsOf = (text: string): Act[] =>
  text
    .split("_")
    .map((one) => /^(\d+)([gd])$/.exec(one))
    .filter((found) => found !== null)
    .map(([, step, letter]) => ({
      step: Number(step),
      actor: letter === "g" ? "generator" : "discriminator",
    }));

/** From what an address holds; what it doesn't name is as at first. */
export function labOf(values: Record<string, string>): Lab {
  const found: Lab = { ...FIRST, acts: actsOf(values["acts"] ?? "") };
  for (const name of NUMBERS) {
    const value = Number(values[name]);
    if (values[name] !== undefined && Number.isFinite(value)) found[name] = value;
  }
  for (const name of WORDS) if (values[name]) found[name] = values[name];
  for (const role of ROLES) {
    const [letter, mine] = [LETTER[role], { ...FIRST[role] }];
    for (const name of SHARES) {
      const value = Number(values[`${letter}_${name}`]);
      if (values[`${letter}_${name}`] !== undefined && Number.isFinite(value)) mine[name] = value;
    }
    const hidden = values[`${letter}_hidden`];
    if (hidden !== undefined) mine.hidden = layersOf(hidden);
    mine.optimiser = values[`${letter}_optimiser`] ?? mine.optimiser;
    found[role] = mine;
  }
  return found;
}

/** What of the settings differs from those at first, as an address holds it. */
export function valuesOf(lab: Lab): Record<string, string | null> {
  const found: Record<string, string | null> = {};
  for (const name of [...NUMBERS, ...WORDS])
    found[name] = lab[name] === FIRST[name] ? null : String(lab[name]);
  for (const role of ROLES) {
    const [letter, mine, first] = [LETTER[role], lab[role], FIRST[role]];
    for (const name of SHARES)
      found[`${letter}_${name}`] = mine[name] === first[name] ? null : String(mine[name]);
    const hidden = written(mine.hidden);
    found[`${letter}_hidden`] = hidden === written(first.hidden) ? null : hidden;
    found[`${letter}_optimiser`] = mine.optimiser === first.optimiser ? null : mine.optimiser;
  }
  found["acts"] = lab.acts.length ? lab.acts.map((one) => `${one.step}${one.actor[0]}`).join("_") : null;
  return found;
}

/** Several runs beside each other, in one value of an address. */
export const packed = (all: Lab[]): string | null =>
  all
    .map((one) =>
      new URLSearchParams(
        Object.entries(valuesOf(one)).filter((pair): pair is [string, string] => pair[1] !== null),
      ).toString(),
    )
    .map((one) => one || "as=first")
    .join("|") || null;
export const MOST_BESIDE = 5;
export const unpacked = (text: string | null): Lab[] =>
  (text ?? "")
    .split("|")
    .filter(Boolean)
    .slice(0, MOST_BESIDE)
    .map((one) => labOf(Object.fromEntries(new URLSearchParams(one))));

export const PRESETS: { key: string; failure: boolean; lab: Lab }[] = [
  { key: "eight", failure: false, lab: FIRST },
  {
    key: "lab",
    failure: false,
    lab: {
      ...FIRST,
      data: "ring",
      noise: "uniform",
      zero_centred: 0,
      generator: actor(layers(10, "relu", 2)),
      discriminator: actor(layers(9, "relu", 3)),
    },
  },
  {
    key: "collapse",
    failure: true,
    lab: {
      ...FIRST,
      data: "disjoint",
      zero_centred: 0,
      generator: actor(layers(16, "leaky_relu", 2), { rate: 0.01, beta1: 0.9 }),
      discriminator: actor(layers(16, "leaky_relu", 2), { rate: 0.0002, beta1: 0.9 }),
    },
  },
  {
    key: "vanish",
    failure: true,
    lab: {
      ...FIRST,
      data: "disjoint",
      loss: "saturating",
      zero_centred: 0,
      generator: actor(layers(16, "leaky_relu", 2), { rate: 0.00001 }),
      discriminator: actor(layers(16, "leaky_relu", 2), { rate: 0.01 }),
    },
  },
  {
    key: "swing",
    failure: true,
    lab: {
      ...FIRST,
      data: "gaussians",
      loss: "least_squares",
      zero_centred: 0,
      generator: actor(layers(16, "leaky_relu", 2), { rate: 0.005, beta1: 0.9, beta2: 0.9 }),
      discriminator: actor(layers(16, "leaky_relu", 2), { rate: 0.005, beta1: 0.9, beta2: 0.9 }),
    },
  },
  {
    key: "diverge",
    failure: true,
    lab: {
      ...FIRST,
      data: "ring",
      loss: "wasserstein",
      penalty: 0,
      zero_centred: 0,
      generator: actor(layers(16, "leaky_relu", 2), { optimiser: "SGD", rate: 1 }),
      discriminator: actor(layers(16, "leaky_relu", 2), { optimiser: "SGD", rate: 1 }),
    },
  },
  {
    key: "dead",
    failure: true,
    lab: {
      ...FIRST,
      data: "ring",
      zero_centred: 0,
      generator: actor(layers(16, "relu", 2), { rate: 0.5 }),
      discriminator: actor(layers(16, "relu", 2), { rate: 0.5 }),
    },
  },
];
