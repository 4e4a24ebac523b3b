/** What a number is called on the page: relu 2·1 [3, 10, 8]. */
import type { Scene } from "./messages";
import { parse, shown } from "./refs";

/** "" for what has no address. */
export function nameOf(scene: Scene, ref: string | null): string {
  const found = parse(ref ?? "");
  if (!found) return "";
  const column = scene.columns.find((one) => one.path === found.path);
  return `${column?.name ?? found.path} ${shown(found.index)}`;
}
