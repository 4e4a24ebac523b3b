/** Every key that does something on the page of made pictures. */
import { keysWith } from "../../../chrome/keys";

export const IMAGES_KEYS = keysWith(
  { keys: ["N", "P"], does: "images.key.next" },
  { keys: ["W"], does: "images.key.walk" },
  { keys: ["V"], does: "gan.key.view" },
);
