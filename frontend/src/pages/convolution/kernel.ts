/** A kernel's numbers as they stand in the address. */

const short = (value: number): string => String(Number(value.toPrecision(7)));

export const written = (planes: number[][]): string =>
  planes.map((plane) => plane.map(short).join(",")).join("|");

/** The same numbers around the same middle, in a kernel of another size; what comes in is 0. */
export function resized(plane: number[], from: number, to: number): number[] {
  const shift = Math.floor((to - 1) / 2) - Math.floor((from - 1) / 2);
  return Array.from({ length: to * to }, (_, i) => {
    const [row, column] = [Math.floor(i / to) - shift, (i % to) - shift];
    return row >= 0 && column >= 0 && row < from && column < from ? plane[row * from + column]! : 0;
  });
}

/** Whether a kernel of the address is made of its own numbers, and not a name. */
export const isOwn = (kernel: string): boolean => !/^[a-z]/.test(kernel);
