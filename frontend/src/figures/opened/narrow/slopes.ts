/** The paths that a slope comes back on: what is open, and what is left of them as one exact rest. */
import type { Explained, Term } from "../../../lib/messages";

export interface Path {
  /** null for the rest. */
  term: Term | null;
  /** How many paths the rest holds. */
  rest: number;
  ref: string;
  value: number;
}

/** What is shut adds nothing, and needs no row. */
export function pathsOf(explained: Explained): Path[] {
  const open = explained.terms.filter((term) => term.product !== 0);
  const rest = explained.count - explained.terms.length;
  return [
    ...open.map((term) => ({ term, rest: 0, ref: term.product_ref, value: term.product })),
    ...(rest > 0 && open.length ? [{ term: null, rest, ...explained.remainder }] : []),
  ];
}
