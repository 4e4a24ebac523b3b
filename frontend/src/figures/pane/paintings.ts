/**
 * The numbers of many panes as colours, one pixel a number, each pane on a small canvas that is never shown.
 * A figure draws its panes from them on one canvas of its own: the browser pays for each that it shows.
 */
import { paint, type Theme } from "../../lib/colour";
import { allFinite, type Tensor } from "../../lib/tensors";
import type { Cells } from "./pick";

export interface KeyedCells extends Cells {
  key: string;
  values: Tensor["data"];
}

export interface Painting {
  cells: KeyedCells;
  canvas: OffscreenCanvas;
  theme: Theme;
  /** Whether all its numbers could be painted. */
  whole: boolean;
}

export class Paintings {
  #painted = new Map<string, Painting>();

  get(key: string): Painting {
    return this.#painted.get(key)!;
  }

  /** Make sure that all of these are there. What is there already stays, also what is not wanted now, up to twice as many. */
  paint(panes: KeyedCells[], theme: Theme): void {
    if (this.#painted.size > 2 * panes.length + 64) this.#painted.clear();
    for (const cells of panes) {
      const known = this.#painted.get(cells.key);
      if (known && known.theme === theme && same(cells, known.cells)) continue;
      const canvas = known?.canvas ?? new OffscreenCanvas(cells.columns, cells.rows);
      if (canvas.width !== cells.columns || canvas.height !== cells.rows)
        Object.assign(canvas, { width: cells.columns, height: cells.rows });
      const image = new ImageData(cells.columns, cells.rows);
      paint(image.data, cells.values, cells.scale, cells.range, theme);
      canvas.getContext("2d")!.putImageData(image, 0, 0);
      this.#painted.set(cells.key, { cells, canvas, theme, whole: allFinite(cells.values) });
    }
  }
}

function same(one: KeyedCells, other: KeyedCells): boolean {
  return (
    one.values.buffer === other.values.buffer &&
    one.values.byteOffset === other.values.byteOffset &&
    one.rows === other.rows &&
    one.columns === other.columns &&
    one.scale === other.scale &&
    one.range === other.range
  );
}
