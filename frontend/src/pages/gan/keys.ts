/** What the page of GANs shows, and the keys of the laboratory. */
import type { KeyRow } from "../../chrome/keys";

export const VIEWS = ["plane", "images"] as const;
export type View = (typeof VIEWS)[number];

export const GAN_KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["Space"], does: "gan.key.play" },
  { keys: [",", "."], does: "gan.key.step" },
  { keys: ["D", "G"], does: "gan.key.actor" },
  { keys: ["R"], does: "gan.key.again" },
  { keys: ["S"], does: "gan.key.slow" },
  { keys: ["N", "P"], does: "gan.key.stage" },
  { keys: ["C"], does: "gan.key.compare" },
  { keys: ["1", "2", "3", "4", "5"], does: "gan.key.layers" },
  { keys: ["V"], does: "gan.key.view" },
  { keys: ["?"], does: "keys.list" },
];
