/** Places in a generator's noise, as an address writes them: `7`, or a weighted sum of draws, `7*0.6,12*0.8`. */
export type Part = [seed: number, weight: number];

const NOISE = "noise:";
const rounded = (weight: number): number => Number(weight.toFixed(3));

export const write = (parts: Part[]): string =>
  parts.map(([seed, weight]) => (weight === 1 ? `${seed}` : `${seed}*${rounded(weight)}`)).join(",");

export const asInput = (place: string): string => NOISE + place;

/** The place that an input names; none where it is no noise. */
export const placeOf = (input: string | null): string | null =>
  input?.startsWith(NOISE) ? input.slice(NOISE.length) : null;

/** What a place is made of; none where it is not written as we write it. */
export function read(place: string | null): Part[] | null {
  if (!place) return null;
  const parts = place.split(",").map((part): Part => {
    const [seed, weight = "1"] = part.split("*");
    return [Number(seed), Number(weight)];
  });
  return parts.every(([seed, weight]) => Number.isInteger(seed) && Number.isFinite(weight)) ? parts : null;
}

/** In the plane of two draws: as far along one as along the other. */
export const across = (a: number, b: number, x: number, y: number): string =>
  write([
    [a, x],
    [b, y],
  ]);

/** Between two draws, along the arc on which noise keeps its length, since two of them stand nearly upright. */
export const between = (a: number, b: number, share: number): string =>
  across(a, b, Math.cos((share * Math.PI) / 2), Math.sin((share * Math.PI) / 2));

/** a − b + c, over √3, by which the sum of three draws is longer than one. */
export const sum = (a: number, b: number, c: number): string => {
  const each = 1 / Math.sqrt(3);
  return write([
    [a, each],
    [b, -each],
    [c, each],
  ]);
};

/** Where a place stands in the plane of two draws; none where it lies outside. */
export function within(place: string | null, a: number, b: number): { x: number; y: number } | null {
  const parts = read(place);
  if (!parts || a === b || parts.some(([seed]) => seed !== a && seed !== b)) return null;
  const along = (seed: number): number =>
    parts.reduce((all, [one, weight]) => all + (one === seed ? weight : 0), 0);
  return { x: along(a), y: along(b) };
}
