/** Every key that does something on this page, as `?` lists them. */
import { keysWith } from "../../chrome/keys";

export const KEYS = keysWith(
  { keys: ["/"], does: "keys.search" },
  { keys: ["O"], does: "file.open" },
  { keys: ["Space"], does: "keys.play" },
);
