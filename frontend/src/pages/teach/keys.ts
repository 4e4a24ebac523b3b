/** The keys of the page of one's own classes. */
import type { KeyRow } from "../../chrome/keys";

export const BEFORE: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["?"], does: "keys.list" },
];

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "teach.keyArrows" },
  { keys: ["Space"], does: "train.keyPause" },
  { keys: [","], does: "train.keyBefore" },
  { keys: ["."], does: "train.keyNext" },
  { keys: ["L"], does: "train.keyLast" },
  { keys: ["?"], does: "keys.list" },
];
