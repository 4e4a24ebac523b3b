/** The keys of the page of backpropagation, and of the playground. */
import type { KeyRow } from "../../chrome/keys";

export const VIEWS = ["learn", "playground"] as const;
export type View = (typeof VIEWS)[number];

export const LESSON_KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "lesson.keyArrows" },
  { keys: ["Enter"], does: "lesson.keyEnter" },
  { keys: ["F", "B"], does: "keys.direction" },
  { keys: ["Space"], does: "lesson.keyPlay" },
  { keys: [",", "."], does: "lesson.keyStop" },
  { keys: ["N"], does: "lesson.keyStep" },
  { keys: ["L"], does: "lesson.keyLandscape" },
  { keys: ["1", "2"], does: "lesson.keyViews" },
  { keys: ["?"], does: "keys.list" },
];

export const PLAY_KEYS: KeyRow[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["Space"], does: "play.keyPlay" },
  { keys: [",", "."], does: "play.keyStep" },
  { keys: ["E"], does: "play.keyEpoch" },
  { keys: ["R"], does: "play.keyAgain" },
  { keys: ["C"], does: "play.pinAbout" },
  { keys: ["1", "2"], does: "lesson.keyViews" },
  { keys: ["?"], does: "keys.list" },
];
