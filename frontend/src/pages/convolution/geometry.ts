/** Where windows stand: which rows of its input a row of the output reads. Columns are the same. */
import type { OperationOf } from "../../lib/messages";

/** All settings of an operation. */
export type Operation = Required<OperationOf>;

/** Pixels from one end of the window to the other. */
export const extentOf = (how: Operation): number => how.dilation * (how.size - 1) + 1;

/** The rows of the picture that an output row reads, from the kernel's first to its last; beyond the picture is padding. */
export function read(how: Operation, side: number, row: number): number[] {
  const rows = Array.from({ length: how.do === "global" ? side : how.size }, (_, u) => u);
  if (how.do === "global") return rows;
  if (how.do !== "transposed") return rows.map((u) => row * how.stride - how.padding + u * how.dilation);
  // The picture's rows are spread by the stride, and each gives its kernel to the output.
  return rows.flatMap((u) => {
    const spread = row + how.padding - u * how.dilation;
    const from = spread / how.stride;
    return Number.isInteger(from) && from >= 0 && from < side ? [from] : [];
  });
}

/** The rows of the padded picture that no window reads, counted from the picture's own first. */
export function unread(how: Operation, side: number, rows: number): number[] {
  if (how.do === "global" || how.do === "transposed") return [];
  const reached = new Set(Array.from({ length: rows }, (_, row) => read(how, side, row)).flat());
  return Array.from({ length: side + 2 * how.padding }, (_, at) => at - how.padding).filter(
    (at) => !reached.has(at),
  );
}

/** The output row whose window has its middle nearest to a place of the picture, in pixels from its edge. */
export function nearest(how: Operation, place: number, rows: number): number {
  const middle = how.do === "global" ? 0 : extentOf(how) / 2;
  const row =
    how.do === "transposed"
      ? (place - 0.5) * how.stride - how.padding + middle - 0.5
      : (place + how.padding - middle) / how.stride;
  return Math.min(rows - 1, Math.max(0, Math.round(row)));
}

/** The size of the output as torch's documentation has it, in letters and in numbers. */
export function formulaOf(how: Operation, side: number, out: number): string {
  const { stride: s, padding: p, dilation: d, size: k } = how;
  if (how.do === "global") return String.raw`H' = 1`;
  if (how.do === "transposed")
    return (
      String.raw`H' = (H-1)\,s - 2p + d\,(k-1) + 1 = ` +
      String.raw`(${side}-1)\cdot ${s} - 2\cdot ${p} + ${d}\,(${k}-1) + 1 = ${out}`
    );
  return (
    String.raw`H' = \left\lfloor\frac{H + 2p - d\,(k-1) - 1}{s}\right\rfloor + 1 = ` +
    String.raw`\left\lfloor\frac{${side} + 2\cdot ${p} - ${d}\,(${k}-1) - 1}{${s}}\right\rfloor + 1 = ${out}`
  );
}
