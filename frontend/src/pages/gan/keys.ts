/** The keys of the laboratory. */
import type { KeyRow } from "../../chrome/keys";

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
  { keys: ["?"], does: "keys.list" },
];
