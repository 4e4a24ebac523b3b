import { expect, test } from "vitest";
import type { Known } from "./lesson.svelte";
import { rowsOf, worst } from "./rows";

const known = (labels: number[], values: number[][]): Known =>
  ({
    answer: {
      source: "taught:run@5",
      pictures: labels.map((label, row) => ({ index: 10 + row, name: `${row}.png`, label, part: "test" })),
    },
    answers: { ref: "", shape: [values.length, values[0]!.length], data: Float64Array.from(values.flat()) },
  }) as unknown as Known;

test("each picture has its class, the answer, and both numbers with their addresses", () => {
  const [row] = rowsOf(known([0], [[0.2, 0.7, 0.1]]));
  expect([row!.is, row!.said]).toEqual([0, 1]);
  expect(row!.right).toEqual({ ref: "taught:run@5#answers[10,0]@value", value: 0.2 });
  expect(row!.sure).toEqual({ ref: "taught:run@5#answers[10,1]@value", value: 0.7 });
});

test("mistakes come first by how sure they are; without any, the least sure", () => {
  const some = worst(rowsOf(known([0, 0, 1], [[0.4, 0.6], [0.1, 0.9], [0.3, 0.7]]))); // prettier-ignore
  expect(some.wrong).toBe(true);
  expect(some.rows.map(({ name }) => name)).toEqual(["1.png", "0.png"]);
  const none = worst(rowsOf(known([0, 1], [[0.9, 0.1], [0.4, 0.6]]))); // prettier-ignore
  expect(none.wrong).toBe(false);
  expect(none.rows.map(({ name }) => name)).toEqual(["1.png", "0.png"]);
});
