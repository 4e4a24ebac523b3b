/** The keys that do something on the page of language models. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "transformer.keys.tab" },
  { keys: [",", "."], does: "transformer.keys.position" },
  { keys: ["N"], does: "transformer.keys.next" },
  { keys: ["Z"], does: "transformer.keys.back" },
  { keys: ["Space"], does: "transformer.keys.play" },
  { keys: ["H"], does: "transformer.keys.head" },
  { keys: ["←", "→", "↑", "↓"], does: "transformer.keys.heads" },
  { keys: ["F", "B"], does: "transformer.keys.direction" },
  { keys: ["Esc"], does: "keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
