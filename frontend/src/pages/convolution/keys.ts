/** The keys that do something in the workshop. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "workshop.keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "workshop.keys.arrows" },
  { keys: ["Shift"], does: "workshop.keys.far" },
  { keys: ["Space"], does: "keys.play" },
  { keys: ["T"], does: "keys.table" },
  { keys: ["Esc"], does: "workshop.keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
