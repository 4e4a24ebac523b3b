/** The keys of the page of training. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["Space"], does: "train.keyPause" },
  { keys: ["N"], does: "train.keyOne" },
  { keys: [","], does: "train.keyBefore" },
  { keys: ["."], does: "train.keyNext" },
  { keys: ["P"], does: "train.keyPlay" },
  { keys: ["L"], does: "train.keyLast" },
  { keys: ["Esc"], does: "train.keyEscape" },
  { keys: ["?"], does: "keys.list" },
];
