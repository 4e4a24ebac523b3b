/** What a column costs, by a choice of measures. */
import type { GraphColumn } from "../../lib/messages";
import { amount, count } from "../../lib/numbers";

export const COSTS = ["macs", "seconds", "bytes", "learned"] as const;
export type Cost = (typeof COSTS)[number];

/** As it is written under a column: 57 M, 1.2 ms, 3.4 MB. */
export function written(column: GraphColumn, cost: Cost): string {
  const value = column[cost];
  if (cost === "seconds")
    return value >= 1 ? `${value.toFixed(1)} s` : `${(1000 * value).toFixed(value < 0.01 ? 2 : 1)} ms`;
  if (cost === "bytes")
    return value < 1e6 ? `${count(Math.round(value / 1e3))} kB` : `${(value / 1e6).toFixed(1)} MB`;
  return amount(value);
}
