/** What a page does not send, and what to do instead. */
import type { Refusal } from "../../chrome/input/upload";
import { text } from "../../lib/text";
import type { Collected } from "./collect";

/** Pictures of one set: as many as the program keeps of one (scenes/sets.py). */
const MOST = 2000;

/** Why nothing of it is taken; null where it is. */
export function refused(given: Collected): Refusal | null {
  const where = text("teach.dropped");
  const count = given.found.length.toLocaleString("en-US");
  const most = MOST.toLocaleString("en-US");
  if (given.found.length > MOST)
    return { what: text("teach.many", { count }), where, why: text("teach.manyWhy", { most }), todo: text("teach.nameIt") }; // prettier-ignore
  if (given.divided)
    return { what: text("teach.divided"), where, why: text("teach.dividedWhy"), todo: text("teach.nameIt") };
  if (!given.found.length)
    return { what: text("teach.none"), where, why: text("teach.noneWhy", { loose: given.loose.length }), todo: text("teach.noneTodo") }; // prettier-ignore
  return null;
}
