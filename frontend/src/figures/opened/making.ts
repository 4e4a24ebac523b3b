/** What a number of any operation is made of, as a list that adds up where it claims to. */
import type { Explained, Term } from "../../lib/messages";
import { brief, fixed } from "../../lib/numbers";
import { parse, shown } from "../../lib/refs";
import { waterfall, type Waterfall } from "../waterfall/waterfall";

export interface Making {
  /** Whether the products are the value, together. */
  adds: boolean;
  listed: Term[];
  /** How many are not listed. */
  rest: number;
  hasFactors: boolean;
  /** A bar for each listed term, and for the rest; null where nothing is added. */
  fall: Waterfall | null;
}

export function makingOf(explained: Explained, width: number): Making {
  const slope = explained.what === "grad";
  const adds = explained.reduce === "sum" && explained.kind !== "linearised";
  const listed = explained.terms.filter((term) => !slope || term.product !== 0);
  const rest = explained.count - listed.length;
  const steps = [...listed.map((term) => term.product), ...(rest > 0 ? [explained.remainder.value] : [])];
  return {
    adds,
    listed,
    rest,
    hasFactors: listed.some((term) => term.factor_ref !== null),
    fall: adds && listed.length ? waterfall(steps, explained.value, width) : null,
  };
}

/** `layer1.0.conv1 [3, 7, 7]` */
export function named(term: Term): string {
  const found = parse(term.ref ?? "");
  return found ? `${found.path.replace(/^:/, "")} ${shown(found.index)}` : term.name;
}

/** Four decimals, or what is left of what is smaller. */
export const precise = (value: number): string =>
  value !== 0 && (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3) ? brief(value) : fixed(value, 4);

/** The same with a plus before what is positive. */
export const preciseSigned = (value: number): string => (value > 0 ? `+${precise(value)}` : precise(value));
