/** The laboratory's settings as they stand in the address, and those to begin with. */
import type { Act, ActorOf, LabOf } from "../../lib/messages";
import { layersOf, written } from "../perceptron/layers";
import presets from "./presets.json";

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

export interface Preset {
  key: string;
  /** Which finding it is there to show; none where nothing is wrong. */
  fails: string;
  lab: Lab;
}
export const PRESETS: Preset[] = presets.map((one) => ({ ...one, lab: { ...one.lab, start: "" } }));
export const FIRST: Lab = PRESETS[0]!.lab;

/** The distributions whose players ship trained, by the recipes gan-line and so on. */
export const TRAINED = ["line", "gaussians", "ring", "disjoint"] as const;
const TRAINED_LAYERS = Array.from({ length: 3 }, () => ({ units: 32, activation: "leaky_relu" }));

/** Such players as their recipe left them; they go on at a tenth of its rates, as at the end of its course. */
export function trained(data: (typeof TRAINED)[number]): Lab {
  const player = (rate: number): Actor => ({
    hidden: TRAINED_LAYERS,
    optimiser: "Adam",
    rate,
    beta1: 0,
    beta2: 0.99,
    steps: 1,
  });
  return {
    data,
    noise: "gaussian",
    numbers: 8,
    loss: "non_saturating",
    penalty: 0.1,
    zero_centred: 0.05,
    batch: 128,
    seed: 0,
    generator: player(0.00003),
    discriminator: player(0.00015),
    acts: [],
    start: `gan-${data}`,
  };
}

/** Which distribution a shipped network of players on the plane has learned. */
export const startOf = (network: string | null): (typeof TRAINED)[number] | null =>
  TRAINED.find((name) => network === `gan-${name}`) ?? null;

type Plain = "numbers" | "penalty" | "zero_centred" | "batch" | "seed";
const NUMBERS: Plain[] = ["numbers", "penalty", "zero_centred", "batch", "seed"];
const WORDS = ["data", "noise", "loss", "start"] as const;
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
