/** What the page shows, and the keys that do something on it. */
import type { KeyRow } from "../../chrome/keys";

export const VIEWS = ["imagenet", "sentences", "slim"] as const;
export type View = (typeof VIEWS)[number];

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "race.keys.tab" },
  { keys: ["1", "2", "3"], does: "race.keys.views" },
  { keys: ["←", "→"], does: "race.keys.arrows" },
  { keys: ["Space"], does: "race.keys.play" },
  { keys: [",", "."], does: "race.keys.step" },
  { keys: ["?"], does: "keys.list" },
];
