/** What is switched off, as it stands in the address: `head-3-2 mlp-4 patch-17`. */
import type { SwitchedPart } from "../../lib/messages";

const FORM = /^(head|heads|mlp|block|patch)-(\d{1,6})(?:-(\d{1,6}))?$/;

export function readParts(words: string | null): SwitchedPart[] {
  return (words ?? "").split(" ").flatMap((word): SwitchedPart[] => {
    const found = FORM.exec(word);
    if (!found) return [];
    const what = found[1] as SwitchedPart["what"];
    const first = Number(found[2]);
    if (what === "patch") return [{ what, token: first }];
    return what === "head" ? [{ what, layer: first, head: Number(found[3] ?? 0) }] : [{ what, layer: first }];
  });
}

export function wordOf({ what, layer = 0, head = 0, token = 0 }: SwitchedPart): string {
  if (what === "patch") return `patch-${token}`;
  return what === "head" ? `head-${layer}-${head}` : `${what}-${layer}`;
}

export const writtenParts = (all: SwitchedPart[]): string | null => all.map(wordOf).join(" ") || null;
