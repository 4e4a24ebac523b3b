/** Tokens of a translation as they are shown, marks as words. */
import { plain, short } from "../tokens";

export const START = "<|startoftext|>";
export const END = "<|endoftext|>";

export function word(token: string, most = 12): string {
  if (token === START) return "‹start›";
  if (token === END) return "‹end›";
  return short(plain(token), most);
}
