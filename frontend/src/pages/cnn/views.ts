/** What the page shows of a network. */
export const VIEWS = ["layers", "why", "units", "compare"] as const;
export type View = (typeof VIEWS)[number];

export const viewOf = (word: string | null): View => VIEWS.find((one) => one === word) ?? "layers";

/** What of the address belongs to the network that is left. */
export const LEFT = [
  "score",
  "at",
  "layer",
  "channel",
  "class",
  "made",
  "other",
  "open",
  "shut",
  "edits",
] as const;
