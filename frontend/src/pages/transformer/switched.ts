/** What is switched off, as it stands in the address: `head-3-2 mlp-4 weight-3-2-4-1-0.5 stream-0-3`. */
import type { Switched } from "../../lib/messages";

const FORM = /^(head|heads|mlp|block|weight|stream)-(\d+)((?:-\d+(?:\.\d+)?)*)$/;

export function readSwitched(words: string | null): Switched[] {
  return (words ?? "").split(" ").flatMap((word): Switched[] => {
    const found = FORM.exec(word);
    if (!found) return [];
    const what = found[1] as Switched["what"];
    const layer = Number(found[2]);
    const [a = 0, b = 0, c = 0, d = 0] = (found[3] ?? "").split("-").slice(1).map(Number);
    if (what === "head") return [{ what, layer, head: a }];
    if (what === "weight") return [{ what, layer, head: a, row: b, column: c, value: d }];
    return what === "stream" ? [{ what, layer, row: a }] : [{ what, layer }];
  });
}

export function wordOf(one: Switched): string {
  const { what, layer, head = 0, row = 0, column = 0, value = 0 } = one;
  if (what === "head") return `head-${layer}-${head}`;
  if (what === "weight") return `weight-${layer}-${head}-${row}-${column}-${value}`;
  if (what === "stream") return `stream-${layer}-${row}`;
  return `${what}-${layer}`;
}

export const writtenSwitched = (all: Switched[]): string | null => all.map(wordOf).join(" ") || null;

/** All of it with one more; the same part is not changed twice. */
export const withSwitched = (all: Switched[], one: Switched): Switched[] => {
  const place = (each: Switched): string =>
    each.what === "weight" ? wordOf({ ...each, value: 0 }) : wordOf(each);
  return [...all.filter((each) => place(each) !== place(one)), one];
};
