/** The keys that do something on the page of text to image. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "diffusion.keys.tab" },
  { keys: [",", "."], does: "diffusion.keys.step" },
  { keys: ["Space"], does: "diffusion.keys.play" },
  { keys: ["←", "→", "↑", "↓"], does: "diffusion.keys.number" },
  { keys: ["H"], does: "diffusion.keys.half" },
  { keys: ["L"], does: "diffusion.keys.layer" },
  { keys: ["V"], does: "diffusion.keys.view" },
  { keys: ["O"], does: "diffusion.keys.open" },
  { keys: ["/"], does: "diffusion.keys.prompt" },
  { keys: ["Esc"], does: "diffusion.keys.cancel" },
  { keys: ["?"], does: "keys.list" },
];
