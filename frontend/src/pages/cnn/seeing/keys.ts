/** The keys that do something on the views beside the map. */
import type { KeyRow } from "../../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "seeing.keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "seeing.keys.arrows" },
  { keys: ["L", "Y", "U", "C"], does: "seeing.keys.views" },
  { keys: [",", "."], does: "seeing.keys.channel" },
  { keys: ["Enter"], does: "seeing.keys.climb" },
  { keys: ["Esc"], does: "seeing.keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
