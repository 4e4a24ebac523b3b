/** Every key that does something on this page, as `?` lists them. */
import type { Key } from "../../lib/text";

export const KEYS: { keys: string[]; does: Key }[] = [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "keys.arrows" },
  { keys: ["Shift", "←", "→"], does: "keys.far" },
  { keys: ["Enter"], does: "keys.enter" },
  { keys: ["Backspace"], does: "keys.back" },
  { keys: ["Esc"], does: "keys.escape" },
  { keys: ["/"], does: "keys.search" },
  { keys: ["F"], does: "keys.forward" },
  { keys: ["B"], does: "keys.backward" },
  { keys: ["T"], does: "keys.table" },
  { keys: ["?"], does: "keys.list" },
];
