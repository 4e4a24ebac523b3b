/** The words of the pages. They stand in `texts/`, one file a language; here they are looked up and filled in. */
import english from "../texts/en.json";

export type Key = keyof typeof english;

/** A text, with `{name}` replaced by what is given for it. */
export const text = (key: Key, values: Record<string, string | number> = {}): string =>
  (english[key] ?? key).replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));

export interface Piece {
  /** Literal words, or the name of what stands here. */
  words?: string;
  slot?: string;
  strong: boolean;
}

/** A text cut into words and slots; what stands between asterisks is strong. */
export function pieces(key: Key): Piece[] {
  let strong = false;
  return english[key]
    .split(/(\*|\{\w+\})/)
    .filter((part) => part !== "")
    .flatMap((part): Piece[] => {
      if (part === "*") {
        strong = !strong;
        return [];
      }
      const slot = /^\{(\w+)\}$/.exec(part)?.[1];
      return [slot ? { slot, strong } : { words: part, strong }];
    });
}
