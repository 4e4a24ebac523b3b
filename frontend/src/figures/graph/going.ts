/** Where the focus goes on in a graph that has folded or unfolded: at the same place, or at what was looked for. */
import type { Graph } from "../../lib/messages";
import { columnOf } from "./cells";

/** A path may be folded into so many columns, one in the other. */
const MOST = 8;

export class Going {
  #order = -1;
  #sought: string | null = null;
  #steps = 0;

  constructor(
    private readonly graph: () => Graph,
    private readonly unfold: (key: string) => void,
    /** The focus goes to the column of this place. */
    private readonly arrive: (order: number) => void,
  ) {}

  /** From the column of this place, as soon as the graph is another one. */
  from(order: number): void {
    this.#order = order;
  }

  /** To an operation: what it is folded into opens, until it stands by itself. */
  seek(path: string): void {
    [this.#sought, this.#steps] = [path, 0];
    this.changed();
  }

  /** The graph is another one. */
  changed(): void {
    const order = this.#sought === null ? this.#order : columnOf(this.graph(), this.#sought);
    const column = this.graph().columns[order];
    if (!column) return;
    if (this.#sought !== null && column.opens && ++this.#steps < MOST) return this.unfold(column.key);
    [this.#order, this.#sought] = [-1, null];
    this.arrive(order);
  }
}
