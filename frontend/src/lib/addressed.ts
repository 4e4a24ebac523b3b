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
