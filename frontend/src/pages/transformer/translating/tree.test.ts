import { expect, test } from "vitest";
import type { Branch } from "../../../lib/messages";
import { neighbour, path, placed } from "./tree";

const branch = (id: number, parent: number, step: number, total: number): Branch => {
  const number = { ref: "", value: total };
  return {
    word: { text: String(id), id },
    parent,
    step,
    logprob: number,
    total: number,
    worth: number,
    kept: true,
    ended: false,
    text: "",
  };
};
const BRANCHES = [branch(7, -1, 0, -1), branch(8, -1, 0, -2), branch(5, 1, 1, -2.5), branch(6, 0, 1, -2.1)];

test("a step's branches stand by their totals, and arrows go among them", () => {
  const all = placed(BRANCHES, [1, 2]);
  expect(all.map((one) => one.row)).toEqual([0, 1, 1, 0]);
  expect(all.map((one) => one.chosen)).toEqual([false, true, true, false]);
  expect(neighbour(all, 0, "ArrowRight")).toBe(3);
  expect(neighbour(all, 3, "ArrowDown")).toBe(2);
  expect(neighbour(all, 2, "ArrowLeft")).toBe(1);
  expect(neighbour(all, 1, "ArrowLeft")).toBe(1);
  expect(neighbour(all, 1, "ArrowDown")).toBe(1);
});

test("a branch's tokens are those on the way to it", () => {
  expect(path(BRANCHES, 2)).toEqual([8, 5]);
});
