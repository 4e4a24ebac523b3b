/** A number that is asked for: its explanation, the picture that it is in, and what a convolution's channels give it. */
import { link } from "../../lib/link.svelte";
import type { Axes, Explained, Failure, Stop } from "../../lib/messages";
import { at } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";
import type { Windowed } from "./Windows.svelte";

const TERMS = 10;
/** Of a convolution so many input channels are shown. */
const WINDOWS = 6;

/** The picture that the open number is in. */
export interface Plane {
  axes: Axes;
  channel: number;
  row: number;
  column: number;
  /** Where its colours end. */
  reach: number;
  tensor: Tensor;
}

export class AskedNumber {
  explained = $state.raw<Explained | null>(null);
  plane = $state.raw<Plane | null>(null);
  windows = $state.raw<Windowed | null>(null);
  failure = $state.raw<Failure | null>(null);
  trail = $state.raw<Stop[]>([]);
  /** What was asked for last; answers to anything else come too late. */
  #wanted = "";

  ask(ref: string): void {
    this.#wanted = ref;
    const isWanted = (): boolean => this.#wanted === ref;
    link.ask({ type: "explain_number", ref, limit: TERMS, view: "page" }, (answer, tensors) => {
      if (!isWanted()) return;
      if (answer.type === "explained") {
        this.explained = answer;
        this.trail = answer.trail;
        this.failure = null;
        this.windows = null;
        this.#fetchWindows(answer, tensors, isWanted);
      }
      if (answer.type === "failure") {
        this.#clear();
        this.failure = answer;
      }
    });
    link.ask({ type: "fetch_plane", ref, view: "page" }, (answer, tensors) => {
      if (answer.type !== "plane" || !isWanted()) return;
      const [row = 0, column = 0] = answer.at;
      const { axes, channel, reach } = answer;
      this.plane = axes && tensors[0] ? { axes, channel, row, column, reach, tensor: tensors[0] } : null;
    });
  }

  forget(): void {
    this.#wanted = "";
    this.#clear();
  }

  #clear(): void {
    this.windows = null;
    this.explained = null;
    this.plane = null;
    this.trail = [];
    this.failure = null;
  }

  /** The pictures of those input channels of a convolution that give most. */
  #fetchWindows(explained: Explained, parts: Tensor[], isWanted: () => boolean): void {
    const [window, kernel, product, part] = parts;
    const looks = explained.window;
    if (!window || !kernel || !product || !part || !looks || explained.index.length !== 4) return;
    if (kernel.shape.slice(1).every((side) => side === 1)) return;
    const channels = Array.from(part.data, (_, c) => c)
      .sort((a, b) => Math.abs(part.data[b]!) - Math.abs(part.data[a]!))
      .slice(0, WINDOWS);
    const inputs: Windowed["inputs"] = new Map();
    for (const [i, c] of channels.entries()) {
      const ref = at(window.ref, [explained.index[0]!, looks.channel + c, 0, 0]);
      link.ask({ type: "fetch_plane", ref, view: `window ${i}` }, (answer, tensors) => {
        if (answer.type !== "plane" || !answer.axes || !tensors[0] || !isWanted()) return;
        inputs.set(c, { axes: answer.axes, reach: answer.reach, tensor: tensors[0] });
        // All at once, so that nothing moves.
        if (inputs.size === channels.length)
          this.windows = { window, kernel, product, part, channels, inputs };
      });
    }
  }
}
