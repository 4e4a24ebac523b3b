import { describe, expect, it } from "vitest";
import { readSwitched, withSwitched, writtenSwitched } from "./switched";

describe("what is switched off", () => {
  it("comes back from the address as it was", () => {
    const words = "head-3-2 mlp-4 heads-0 block-1 weight-3-2-4-1-0.5 stream-0-3";
    expect(writtenSwitched(readSwitched(words))).toBe(words);
  });
  it("passes over what it does not know", () => {
    expect(readSwitched("head-x <b> mlp-2 head")).toEqual([{ what: "mlp", layer: 2 }]);
    expect(writtenSwitched([])).toBe(null);
  });
  it("sets a weight once", () => {
    const weight = (value: number) =>
      ({ what: "weight", layer: 1, head: 0, row: 2, column: 1, value }) as const;
    expect(withSwitched([weight(0.2)], weight(0.7))).toEqual([weight(0.7)]);
  });
});
