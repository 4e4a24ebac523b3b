/** The keys that do something on the page of an LSTM. */
import type { KeyRow } from "../../chrome/keys";

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "lstm.keys.tab" },
  { keys: [",", "."], does: "lstm.keys.step" },
  { keys: ["Shift", "<", ">"], does: "lstm.keys.stretch" },
  { keys: ["↑", "↓"], does: "lstm.keys.unit" },
  { keys: ["Space"], does: "lstm.keys.play" },
  { keys: ["W"], does: "lstm.keys.write" },
  { keys: ["Z"], does: "lstm.keys.unwrite" },
  { keys: ["Esc"], does: "keys.escape" },
  { keys: ["?"], does: "keys.list" },
];
