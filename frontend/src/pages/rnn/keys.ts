/** The views of the page, and the keys that do something on each. */
import type { KeyRow } from "../../chrome/keys";

export const VIEWS = ["steps", "forgets", "tasks", "uses"] as const;
export type View = (typeof VIEWS)[number];

const SHARED: KeyRow[] = [
  { keys: ["Tab"], does: "rnn.keys.tab" },
  { keys: ["1", "2", "3", "4"], does: "rnn.keys.views" },
];
export const KEYS: Record<View, KeyRow[]> = {
  steps: [
    ...SHARED,
    { keys: [",", "."], does: "rnn.keys.read" },
    { keys: ["↑", "↓"], does: "lstm.keys.unit" },
    { keys: ["W"], does: "lstm.keys.write" },
    { keys: ["Z"], does: "lstm.keys.unwrite" },
    { keys: ["?"], does: "keys.list" },
  ],
  forgets: [
    ...SHARED,
    { keys: [",", "."], does: "rnn.keys.step" },
    { keys: ["[", "]"], does: "rnn.keys.radius" },
    { keys: ["?"], does: "keys.list" },
  ],
  tasks: [
    ...SHARED,
    { keys: ["Space"], does: "rnn.keys.play" },
    { keys: ["."], does: "rnn.keys.on" },
    { keys: ["R"], does: "rnn.keys.again" },
    { keys: [",", ";"], does: "rnn.keys.example" },
    { keys: ["?"], does: "keys.list" },
  ],
  uses: [...SHARED, { keys: [",", "."], does: "rnn.keys.target" }, { keys: ["?"], does: "keys.list" }],
};
