/** Masks: the class of each pixel, as it stands in an address, and as what is drawn over a picture. */
import type { Tensor } from "../../lib/tensors";

/** Okabe and Ito's colours, told apart by all; the background has none. */
const COLOURS = ["transparent", "#E69F00", "#56B4E9", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442"];

export const colourOf = (kind: number): string => COLOURS[kind % COLOURS.length]!;

/** `0a4.21f`: runs of equal pixels, row by row, each a class and how many to base 36. */
export function write(mask: ArrayLike<number>): string {
  const runs: string[] = [];
  for (let i = 0, from = 0; i <= mask.length; i++) {
    if (i < mask.length && mask[i] === mask[from]) continue;
    if (i > from) runs.push(`${mask[from]}${(i - from).toString(36)}`);
    from = i;
  }
  return runs.join(".");
}

/** The mask of such words; null where they are of another size, or none. */
export function read(words: string, size: number): Uint8Array<ArrayBuffer> | null {
  const mask = new Uint8Array(size);
  let at = 0;
  for (const run of words.split(".")) {
    if (!/^\d[0-9a-z]{1,4}$/.test(run)) return null;
    const length = parseInt(run.slice(1), 36);
    if (at + length > size) return null;
    mask.fill(Number(run[0]), at, at + length);
    at += length;
  }
  return at === size ? mask : null;
}

/** Of each pixel the likeliest class; with a threshold, whether it is of the followed one. */
export function told(probabilities: Tensor, kind: number, threshold: number | null): Uint8Array<ArrayBuffer> {
  const [classes = 1, rows = 1, columns = 1] = probabilities.shape;
  const area = rows * columns;
  const mask = new Uint8Array(area);
  for (let i = 0; i < area; i++) {
    if (threshold !== null) {
      mask[i] = probabilities.data[kind * area + i]! >= Math.fround(threshold) ? kind : 0;
      continue;
    }
    let best = 0;
    for (let k = 1; k < classes; k++)
      if (probabilities.data[k * area + i]! > probabilities.data[best * area + i]!) best = k;
    mask[i] = best;
  }
  return mask;
}

/** The pixels of a class as one path of SVG, a box for each stretch of a row. */
export function pathOf(mask: ArrayLike<number>, kind: number, columns: number): string {
  let path = "";
  for (let i = 0; i < mask.length;) {
    const row = Math.floor(i / columns);
    if (mask[i] !== kind) {
      i++;
      continue;
    }
    const from = i;
    while (i < mask.length && mask[i] === kind && Math.floor(i / columns) === row) i++;
    path += `M${from % columns} ${row}h${i - from}v1h${from - i}z`;
  }
  return path;
}

/** Paint a disc of a class; a new mask. */
export function painted(
  mask: Uint8Array<ArrayBuffer>,
  columns: number,
  row: number,
  column: number,
  radius: number,
  kind: number,
): Uint8Array<ArrayBuffer> {
  const next = mask.slice();
  for (let r = Math.floor(row - radius); r <= row + radius; r++)
    for (let c = Math.floor(column - radius); c <= column + radius; c++) {
      if (r < 0 || c < 0 || c >= columns || r * columns + c >= mask.length) continue;
      if ((r - row) ** 2 + (c - column) ** 2 <= (radius + 0.2) ** 2) next[r * columns + c] = kind;
    }
  return next;
}
