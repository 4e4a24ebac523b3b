/** The views of the lecture, and the keys that do something there. */
import type { KeyRow } from "../../chrome/keys";

export const VIEWS = ["lessons", "quiz"] as const;
export type View = (typeof VIEWS)[number];

export const KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["1", "2"], does: "lecture.keys.views" },
  { keys: ["PageDown", "PageUp"], does: "lecture.keys.steps" },
  { keys: ["M"], does: "lecture.keys.projector" },
  { keys: ["?"], does: "keys.list" },
];
