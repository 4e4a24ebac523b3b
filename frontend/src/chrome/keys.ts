/** Every key that does something on a page, as `?` lists them; each page adds its own. */
import type { Key } from "../lib/text";

export interface KeyRow {
  keys: string[];
  does: Key;
}

export const keysWith = (...own: KeyRow[]): KeyRow[] => [
  { keys: ["Tab"], does: "keys.tab" },
  { keys: ["←", "→", "↑", "↓"], does: "keys.arrows" },
  { keys: ["Shift", "←", "→"], does: "keys.far" },
  { keys: ["Enter"], does: "keys.enter" },
  { keys: ["Backspace"], does: "keys.back" },
  { keys: ["Esc"], does: "keys.escape" },
  ...own,
  { keys: ["F"], does: "keys.forward" },
  { keys: ["B"], does: "keys.backward" },
  { keys: ["T"], does: "keys.table" },
  { keys: ["?"], does: "keys.list" },
];

/** Whether what has the focus does something of its own with Enter. */
export const isControl = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.closest("button, a, [role=scrollbar]") !== null;

/** Keys with others held down belong to the browser, and those typed into something to that. */
export const isTyping = (event: KeyboardEvent): boolean =>
  event.ctrlKey ||
  event.metaKey ||
  event.altKey ||
  (event.target instanceof HTMLElement && event.target.closest("input, select, dialog") !== null);
