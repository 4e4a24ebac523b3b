/** Tensors as they come over the wire: raw little-endian values beside their address. */
import type { Answer, Array as Entry } from "./messages";
import { at } from "./refs";

export interface Tensor {
  /** `SOURCE#path@what`; an element's reference adds its index. */
  ref: string;
  shape: number[];
  data: Float32Array | Float64Array | Uint8Array;
}

const KINDS = { float32: Float32Array, float64: Float64Array, uint8: Uint8Array };

/** Splits a binary frame into its answer and the tensors that came with it (see scenes/messages/). */
export function decode(frame: ArrayBuffer): { answer: Answer; tensors: Tensor[] } {
  const length = new DataView(frame).getUint32(0, true);
  const answer = JSON.parse(new TextDecoder().decode(new Uint8Array(frame, 4, length))) as Answer;
  let offset = 4 + length;
  const tensors = ("arrays" in answer ? answer.arrays : []).map(({ ref, shape, dtype }: Entry) => {
    const Kind = KINDS[dtype];
    const data = new Kind(frame, offset, size(shape));
    offset += Math.ceil(data.byteLength / 8) * 8;
    return { ref, shape, data };
  });
  return { answer, tensors };
}

export const size = (shape: number[]): number => shape.reduce((product, length) => product * length, 1);

/** One channel of a (1, C, H, W) or (1, N) tensor, without copying. */
export function channel(tensor: Tensor, index: number): Tensor["data"] {
  const each = size(tensor.shape.slice(2));
  return tensor.data.subarray(index * each, (index + 1) * each);
}

/** The value at a full index. */
export function value(tensor: Tensor, index: number[]): number {
  return tensor.data[index.reduce((flat, at, axis) => flat * tensor.shape[axis]! + at, 0)]!;
}

/** The reference of the element at a full index. */
export const reference = (tensor: Tensor, index: number[]): string => at(tensor.ref, index);

/** The largest absolute value that is finite; 0 where there is none. */
export function largest(data: ArrayLike<number>): number {
  let found = 0;
  for (let i = 0; i < data.length; i++) {
    const size = Math.abs(data[i]!);
    if (size > found && size < Infinity) found = size;
  }
  return found;
}

/** Whether all are numbers, none NaN or infinite. */
export function allFinite(data: ArrayLike<number>): boolean {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}
