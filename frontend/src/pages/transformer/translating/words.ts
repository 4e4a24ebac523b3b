/** Tokens of a translation as they are shown, marks as words. */
import { plain, short } from "../tokens";
import { text } from "../../../lib/text";

export const START = "<|startoftext|>";
export const END = "<|endoftext|>";

export function word(token: string, most = 12): string {
  if (token === START) return text("translating.start");
  if (token === END) return text("translating.end");
  return short(plain(token), most);
}
