/** What the page shows, and the keys that do something on it. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "rnn.keys.tab" },
  { keys: [",", "."], does: "rnn.keys.step" },
  { keys: ["[", "]"], does: "rnn.keys.radius" },
  { keys: ["?"], does: "keys.list" },
];
