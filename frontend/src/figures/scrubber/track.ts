/** The outline of a run's own curve above the line of its moments. */
export interface Trace {
  steps: ArrayLike<number>;
  values: ArrayLike<number>;
}

/** An area in a box of 100 × `height`, from the least value at the bottom to the most at the top; "" where there is none. */
export function outline({ steps, values }: Trace, last: number, height: number): string {
  const drawn: [number, number][] = [];
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < steps.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    drawn.push([steps[i]!, value]);
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (drawn.length < 2 || last <= 0 || low === high) return "";
  const x = (step: number): string => ((100 * step) / last).toFixed(2);
  const y = (value: number): string => (height - (height * (value - low)) / (high - low)).toFixed(2);
  const points = drawn.map(([step, value]) => `L${x(step)} ${y(value)}`).join("");
  return `M${x(drawn[0]![0])} ${height}${points}L${x(drawn.at(-1)![0])} ${height}Z`;
}
