import { describe, expect, it } from "vitest";
import { FIRST, packed, settingsOf, unpacked, valuesOf, type Settings } from "./play";

const OWN: Settings = {
  ...FIRST,
  data: "spiral",
  noise: 0.2,
  hidden: [{ units: 3, activation: "relu" }],
  optimiser: "RMSprop",
  rate: 0.001,
  edits: [{ step: 12, layer: 1, unit: 2, source: -1, value: -0.5 }],
};
const kept = (settings: Settings): Record<string, string> =>
  Object.fromEntries(
    Object.entries(valuesOf(settings)).filter((pair): pair is [string, string] => pair[1] !== null),
  );

describe("the playground's settings", () => {
  it("come back from the address as they were", () => {
    for (const one of [FIRST, OWN, { ...OWN, hidden: [] }]) expect(settingsOf(kept(one))).toEqual(one);
    expect(kept(FIRST)).toEqual({});
  });

  it("stand beside others in one value", () => {
    expect(unpacked(packed([OWN, FIRST]))).toEqual([OWN, FIRST]);
    expect(unpacked(packed([]))).toEqual([]);
  });

  it("pass over what is no setting", () => {
    expect(settingsOf({ rate: "fast", edits: "1~2", colour: "red" })).toEqual(FIRST);
  });
});
