import { expect, test } from "vitest";
import { axes, courseOf, meanOf, spread } from "./courses";

const run = (seed: number, held_out: number[]) => ({
  seed,
  steps: 1000,
  seconds: 20,
  accuracy: null,
  at_steps: [500, 1000].slice(0, held_out.length),
  at_seconds: [10, 20].slice(0, held_out.length),
  held_out,
  loss_steps: [],
  loss: [],
});
const racer = {
  name: "a",
  title: "A",
  parameters: 1,
  macs: 2e6,
  batch: 64,
  planned_steps: 1000,
  runs: [run(0, [0.8, 0.9]), run(1, [0.82])],
};

test("what a score had cost, in each measure", () => {
  const [first, second] = courseOf(racer, racer.runs[0]!, "macs");
  expect(first!.x).toBeCloseTo((500 * 64 * 2e6) / 1e12);
  expect(second!.x / first!.x).toBeCloseTo(2);
  expect(courseOf(racer, racer.runs[0]!, "seconds")[1]!.x).toBe(20);
});

test("the mean goes as far as all runs have come", () => {
  const all = meanOf(racer.runs.map((one) => courseOf(racer, one, "steps")));
  expect(all).toHaveLength(1);
  expect(all[0]!.value).toBeCloseTo(0.81);
  expect(meanOf([])).toEqual([]);
});

test("spread is the sample's", () => {
  expect(spread([1, 2, 3])).toBeCloseTo(1);
  expect(spread([4])).toBe(0);
});

test("better is higher, later is further right", () => {
  const { x, y } = axes([courseOf(racer, racer.runs[0]!, "steps")], [0.85], 300, 200);
  expect(y(0.9)).toBeLessThan(y(0.8));
  expect(x(1000)).toBeCloseTo(300);
});
