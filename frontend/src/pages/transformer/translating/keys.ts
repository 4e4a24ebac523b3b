/** The keys that do something where a phrase is translated. */
import type { KeyRow } from "../../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "translating.keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "translating.keys.arrows" },
  { keys: [",", "."], does: "transformer.keys.position" },
  { keys: ["Space"], does: "translating.keys.play" },
  { keys: ["−", "+"], does: "translating.keys.beams" },
  { keys: ["H"], does: "translating.keys.head" },
  { keys: ["F", "B"], does: "transformer.keys.direction" },
  { keys: ["Esc"], does: "keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
