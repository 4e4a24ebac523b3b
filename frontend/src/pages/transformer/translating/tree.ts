/** The tree of a beam search as it is drawn: one column a step, in each the best total on top. */
import type { Branch } from "../../../lib/messages";

export interface Placed {
  at: number;
  branch: Branch;
  /** From 0, of its column. */
  row: number;
  chosen: boolean;
}

/** Every branch with its row; the order of a step is that of its totals. */
export function placed(branches: Branch[], best: number[]): Placed[] {
  const chosen = new Set(best);
  const steps = new Map<number, number[]>();
  branches.forEach(({ step }, at) => steps.set(step, [...(steps.get(step) ?? []), at]));
  const found: Placed[] = [];
  for (const all of steps.values())
    [...all]
      .sort((a, b) => branches[b]!.total.value - branches[a]!.total.value)
      .forEach((at, row) => found.push({ at, branch: branches[at]!, row, chosen: chosen.has(at) }));
  return found.sort((a, b) => a.at - b.at);
}

/** The tokens from the beginning to a branch. */
export function path(branches: Branch[], at: number): number[] {
  const found: number[] = [];
  for (let one = at; one >= 0; one = branches[one]!.parent) found.unshift(branches[one]!.word.id);
  return found;
}

/** The branch beside, above or below this one; itself where there is none. */
export function neighbour(all: Placed[], at: number, key: string): number {
  const here = all[at]!;
  if (key === "ArrowLeft") return here.branch.parent >= 0 ? here.branch.parent : at;
  if (key === "ArrowRight") {
    const grown = all.filter((one) => one.branch.parent === at);
    return (grown.find((one) => one.chosen) ?? grown.sort((a, b) => a.row - b.row)[0])?.at ?? at;
  }
  const row = here.row + (key === "ArrowDown" ? 1 : -1);
  return all.find((one) => one.branch.step === here.branch.step && one.row === row)?.at ?? at;
}
