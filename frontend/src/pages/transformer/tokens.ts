/** Tokens as they are shown: spaces and line ends can be seen. */

/** ` the` -> `·the`, a line end -> `↵`. */
export const seen = (text: string): string =>
  text === ""
    ? "∅"
    : text
        .replace(/^ /, "·")
        .replaceAll("\n", "↵")
        .replaceAll("\t", "⇥")
        .replace(/ +$/, (spaces) => "␣".repeat(spaces.length))
        .replace(/^·$/, "␣");

/** Within a sentence, without the space before it. */
export const plain = (text: string): string => seen(text).replace(/^·/, "");

/** At most so many letters. */
export const short = (text: string, most: number): string =>
  text.length > most ? `${text.slice(0, most - 1)}…` : text;
