/** The keys that do something on the page of Vision Transformers. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "transformer.keys.tab" },
  { keys: [",", "."], does: "vit.keys.token" },
  { keys: ["C"], does: "vit.keys.classToken" },
  { keys: ["X"], does: "vit.keys.hide" },
  { keys: ["H"], does: "transformer.keys.head" },
  { keys: ["←", "→", "↑", "↓"], does: "vit.keys.arrows" },
  { keys: ["F", "B"], does: "transformer.keys.direction" },
  { keys: ["Esc"], does: "keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
