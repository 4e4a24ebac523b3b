/**
 * The numbers of many panes as colours, one pixel a number, packed side by side on one canvas that is never shown.
 * A figure draws its panes from it: one canvas for a whole map, since the browser pays for each.
 */
import { paint, type Theme } from "../../lib/colour";
import { allFinite, type Tensor } from "../../lib/tensors";
import type { Cells } from "./pick";

const WIDTH = 1024;
/** Around each pane its outermost numbers stand once more: scaling reads a little beyond the edge. */
const RIM = 1;

export interface KeyedCells extends Cells {
  key: string;
  values: Tensor["data"];
}

interface Painted {
  cells: KeyedCells;
  x: number;
  y: number;
  /** Whether all its numbers could be painted. */
  whole: boolean;
}

export class Sheet {
  readonly canvas = new OffscreenCanvas(1, 1);
  #painted = new Map<string, Painted>();
  #theme: Theme | null = null;
  #image: ImageData | null = null;
  #pixels = new Uint8ClampedArray(0);

  /** Where a pane's pixels begin. */
  get(key: string): Painted {
    return this.#painted.get(key)!;
  }

  /** Make sure that all of these are there; what is there already, and maybe more, stays. */
  paint(panes: KeyedCells[], theme: Theme): void {
    if (theme === this.#theme && panes.every((pane) => same(pane, this.#painted.get(pane.key)?.cells)))
      return;
    this.#theme = theme;
    const height = this.#arrange(panes);
    if (!this.#image || this.#image.height < height) this.#image = new ImageData(WIDTH, height);
    if (this.canvas.height < height) Object.assign(this.canvas, { width: WIDTH, height });
    for (const each of this.#painted.values()) this.#copy(each, theme);
    this.canvas.getContext("2d")!.putImageData(this.#image, 0, 0);
  }

  /** Shelf by shelf; gives the height of all. */
  #arrange(panes: KeyedCells[]): number {
    let [x, y, tall] = [0, 0, 0];
    this.#painted.clear();
    for (const cells of panes) {
      const [wide, high] = [cells.columns + 2 * RIM, cells.rows + 2 * RIM];
      if (x + wide > WIDTH) [x, y, tall] = [0, y + tall, 0];
      this.#painted.set(cells.key, { cells, x: x + RIM, y: y + RIM, whole: allFinite(cells.values) });
      tall = Math.max(tall, high);
      x += wide;
    }
    return Math.max(1, y + tall);
  }

  #copy({ cells, x, y }: Painted, theme: Theme): void {
    const { values, rows, columns, scale, range } = cells;
    const bytes = 4 * rows * columns;
    if (this.#pixels.length < bytes) this.#pixels = new Uint8ClampedArray(bytes);
    paint(this.#pixels, values, scale, range, theme);
    const target = new Uint32Array(this.#image!.data.buffer);
    const source = new Uint32Array(this.#pixels.buffer, 0, rows * columns);
    for (let row = -RIM; row < rows + RIM; row++) {
      const from = Math.min(rows - 1, Math.max(0, row)) * columns;
      const to = (y + row) * WIDTH + x;
      target.set(source.subarray(from, from + columns), to);
      target[to - RIM] = source[from]!;
      target[to + columns] = source[from + columns - 1]!;
    }
  }
}

function same(one: KeyedCells, other: KeyedCells | undefined): boolean {
  return (
    other !== undefined &&
    one.values.buffer === other.values.buffer &&
    one.values.byteOffset === other.values.byteOffset &&
    one.scale === other.scale &&
    one.range === other.range
  );
}
