/** Heads as they stand in the address, `cross.1.3`, and those that are off, `cross-1-3 decoder-0-2`. */
import type { HeadOff, PairPatch } from "../../../lib/messages";

export type Part = HeadOff["part"];

export const PARTS: Part[] = ["encoder", "decoder", "cross"];
const ONE = /^(encoder|decoder|cross)[.-](\d{1,3})[.-](\d{1,3})$/;

export function readHead(words: string | null): HeadOff | null {
  const found = ONE.exec(words ?? "");
  return found ? { part: found[1] as Part, layer: Number(found[2]), head: Number(found[3]) } : null;
}

export const headOf = ({ part, layer, head }: HeadOff): string => `${part}.${layer}.${head}`;

export const readOff = (words: string | null): HeadOff[] =>
  (words ?? "").split(" ").flatMap((one) => readHead(one) ?? []);

export const writtenOff = (all: HeadOff[]): string | null =>
  all.map(({ part, layer, head }) => `${part}-${layer}-${head}`).join(" ") || null;

const PATCH = /^(encoder|decoder)-(\d{1,3})-(\d{1,3})$/;

/** Streams that are another phrase's, as they stand in the address: `encoder-0-3`, the block and the token. */
export const readPatched = (words: string | null): PairPatch[] =>
  (words ?? "").split(" ").flatMap((one): PairPatch[] => {
    const found = PATCH.exec(one);
    if (!found) return [];
    return [{ side: found[1] as PairPatch["side"], layer: Number(found[2]), row: Number(found[3]) }];
  });

export const wordOfPatch = ({ side, layer, row }: PairPatch): string => `${side}-${layer}-${row}`;

export const writtenPatched = (all: PairPatch[]): string | null => all.map(wordOfPatch).join(" ") || null;

export const same = (a: HeadOff, b: HeadOff): boolean => headOf(a) === headOf(b);

/** The column of a head's pane: the encoder's blocks, then two for each of the decoder's. */
export const columnOf = ({ part, layer }: HeadOff, layers: number): number =>
  part === "encoder" ? layer : layers + 2 * layer + (part === "cross" ? 1 : 0);

/** What stands in a column. */
export function partAt(column: number, layers: number): { part: Part; layer: number } {
  if (column < layers) return { part: "encoder", layer: column };
  const [layer, cross] = [Math.floor((column - layers) / 2), (column - layers) % 2];
  return { part: cross ? "cross" : "decoder", layer };
}
