/** The words of the pages. They stand in `texts/`, one file a language; here they are looked up and filled in. */
import { spoken, type Texts } from "./spoken.svelte";

export type Key = keyof Texts;

/** `{steps|step|steps}`: the first word where `steps` is 1, the second where it is any other number. */
const NUMBERED = /\{(\w+)\|([^|}]*)\|([^}]*)\}/g;

function numbered(words: string, values: Record<string, unknown>): string {
  return words.replace(NUMBERED, (_, name: string, one: string, more: string) =>
    String(values[name]) === "1" ? one : more,
  );
}

/** A text, with `{name}` replaced by what is given for it. */
export const text = (key: Key, values: Record<string, string | number> = {}): string =>
  numbered(spoken.texts[key] ?? key, values).replace(/\{(\w+)\}/g, (_, name: string) =>
    String(values[name] ?? ""),
  );

export interface Piece {
  /** Literal words, or the name of what stands here. */
  words?: string;
  slot?: string;
  strong: boolean;
}

/** A text cut into words and slots; what stands between asterisks is strong. */
export function pieces(key: Key, values: Record<string, unknown> = {}): Piece[] {
  let strong = false;
  return numbered(spoken.texts[key], values)
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
