/** How a picture is made, as the address says it. */
import type { How } from "../../lib/messages";

export const PROMPT = "red apple";
/** Offered under the prompt; one is the lecture's own. */
export const PROMPTS = [
  PROMPT,
  "rainbow",
  "green tree, shaded",
  "grinning face",
  "a red car",
  "a dog",
  "a cute and adorable bunny",
];

export type Settings = Required<How>;

/** `get`: what the address says under a name. */
export function settingsOf(get: (name: string) => string | null): Settings {
  return {
    prompt: get("prompt") ?? PROMPT,
    negative: get("negative") ?? "",
    seed: whole(get("seed"), 0),
    steps: whole(get("steps"), 24),
    guidance: number(get("guidance"), 3),
    sampler: get("sampler") ?? "ddim",
    start: get("start") ?? "",
    strength: number(get("strength"), 0.6),
    mask: get("start") ? (get("mask") ?? "") : "",
  };
}

/** The whole number that words say, else the usual one. */
export function whole(words: string | null, usual: number): number {
  return words !== null && /^-?\d{1,15}$/.test(words) ? Number(words) : usual;
}

/** Likewise any finite number. */
export function number(words: string | null, usual: number): number {
  const found = words === null || words.trim() === "" ? NaN : Number(words);
  return Number.isFinite(found) ? found : usual;
}
