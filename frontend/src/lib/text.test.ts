import { expect, test } from "vitest";
import { pieces, text } from "./text";

test("one step is a step, and all other numbers are steps", () => {
  expect(text("lesson.afterSteps", { step: "1" })).toBe("after 1 step");
  expect(text("lesson.afterSteps", { step: "0" })).toBe("after 0 steps");
  expect(text("lesson.afterSteps", { step: "1,000" })).toBe("after 1,000 steps");
  const said = (step: string): string =>
    pieces("gan.say.far", { step })
      .map((piece) => piece.words ?? "")
      .join("");
  expect(said("1")).toContain(" step ");
  expect(said("2")).toContain(" steps ");
});
