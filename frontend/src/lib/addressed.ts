/** Numbers as they stand in the address; what is none counts as missing. */

export function whole(words: string | null): number | null {
  return words !== null && /^\d{1,6}$/.test(words) ? Number(words) : null;
}

export function numbers(words: string | null): number[] {
  return words && /^\d{1,6}(,\d{1,6})*$/.test(words) ? words.split(",").map(Number) : [];
}

export function within(words: string | null, least: number, most: number, usual: number): number {
  const found = words === null || words === "" ? NaN : Number(words);
  return Number.isFinite(found) ? Math.min(most, Math.max(least, found)) : usual;
}

/** Block and head, "2.3", of a network that has as many of them. */
export function headIn(
  words: string | null,
  has: { layers: number; heads: number },
): [number, number] | null {
  const found = /^(\d{1,6})\.(\d{1,6})$/.exec(words ?? "");
  if (!found) return null;
  const [layer, head] = [Number(found[1]), Number(found[2])];
  return layer < has.layers && head < has.heads ? [layer, head] : null;
}
