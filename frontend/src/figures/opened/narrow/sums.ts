/** The parts of an opened sum, cut by input channel: numbers, weights, products, and the address of each. */
import type { Column, Explained, Scene } from "../../../lib/messages";
import { colourOf } from "../../../lib/names";
import { at } from "../../../lib/refs";
import { largest, type Tensor } from "../../../lib/tensors";

export interface Grid {
  values: Tensor["data"];
  refer: (row: number, column: number) => string | null;
}

export interface Part {
  name: string;
  numbers: Grid;
  weights: Grid;
  products: Grid;
  sum: { ref: string; value: number };
  /** The number whose product is largest; null where it is padding. */
  largest: string | null;
}

export interface Sum {
  convolution: boolean;
  /** The tensor that is read, and the map that it was flattened from. */
  input: string;
  map: string;
  rows: number;
  columns: number;
  parts: Part[];
  bias: { ref: string; value: number } | null;
  /** The largest of all products: the end of their scale. */
  product: number;
}

/** null for what is no sum over input channels. */
export function sumOf(
  scene: Scene,
  column: Column | null,
  explained: Explained,
  tensors: Map<string, Tensor>,
  came: Tensor[],
): Sum | null {
  const [window, kernel, product, part] = came;
  if (!column || !window || !kernel || !product || !part) return null;
  const input = column.inputs[0] ?? "input";
  const convolution = column.shape.length > 1;
  const [rows = 1, columns = 1] = kernel.shape.slice(1);
  const each = rows * columns;
  const [, out = 0] = explained.index;
  const [, , tall = 1, wide = 1] = tensors.get(`${input}@value`)?.shape ?? [];
  const { top, left, row_step, column_step } = explained.window ?? {
    top: 0,
    left: 0,
    row_step: 1,
    column_step: 1,
  };
  const cut = (tensor: Tensor, c: number): Tensor["data"] => tensor.data.subarray(c * each, (c + 1) * each);
  const flat = (c: number, u: number, v: number): number => c * each + u * columns + v;

  function read(c: number, u: number, v: number): string | null {
    if (!convolution) return at(window!.ref, [0, flat(c, u, v)]);
    const [r, q] = [top + u * row_step, left + v * column_step];
    const padding = r < 0 || q < 0 || r >= tall || q >= wide;
    return padding ? null : at(window!.ref, [0, c, r, q]);
  }

  function place(products: Tensor["data"], refer: Grid["refer"]): string | null {
    let found = 0;
    for (let i = 1; i < products.length; i++)
      if (Math.abs(products[i]!) > Math.abs(products[found]!)) found = i;
    return refer(Math.floor(found / columns), found % columns);
  }

  const bias = explained.terms.find((term) => term.factor === null && term.ref);
  return {
    convolution,
    input,
    map: mapBefore(scene, input),
    rows,
    columns,
    parts: Array.from(part.data, (value, c) => ({
      name: input === "input" ? colourOf(scene.input, c) || String(c) : String(c),
      numbers: { values: cut(window, c), refer: (u, v) => read(c, u, v) },
      weights: {
        values: cut(kernel, c),
        refer: (u, v) => at(kernel.ref, convolution ? [out, c, u, v] : [out, flat(c, u, v)]),
      },
      products: {
        values: cut(product, c),
        refer: (u, v) => explained.ref.replace("@value", `@term:${flat(c, u, v)}`),
      },
      sum: { ref: explained.ref.replace("@value", `@part:${c}`), value },
      largest: place(cut(product, c), (u, v) => read(c, u, v)),
    })),
    bias: bias ? { ref: bias.product_ref, value: bias.product } : null,
    product: largest(product.data) || 1,
  };
}

/** The map that a vector was flattened from. */
export function mapBefore(scene: Scene, path: string): string {
  const one = scene.columns.find((each) => each.path === path);
  return one && one.shape.length === 1 && one.inputs[0] ? mapBefore(scene, one.inputs[0]) : path;
}
