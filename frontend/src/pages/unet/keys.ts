/** The keys that do something on the page of U-Nets. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "unet.keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "unet.keys.arrows" },
  { keys: ["Enter"], does: "unet.keys.enter" },
  { keys: [",", "."], does: "unet.keys.class" },
  { keys: ["S"], does: "unet.keys.skips" },
  { keys: ["F", "B"], does: "transformer.keys.direction" },
  { keys: ["T"], does: "keys.table" },
  { keys: ["Esc"], does: "keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
