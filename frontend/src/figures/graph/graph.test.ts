import { describe, expect, it } from "vitest";
import type { Axes, Graph, GraphColumn } from "../../lib/messages";
import { skyline } from "./cells";
import { layoutGraph, shapeOf, shortened } from "./layout";

const AXES: Axes = {
  places: [0, -1, -2, -3],
  channels: 8,
  rows: 16,
  columns: 16,
  row_step: 1,
  column_step: 1,
};

function column(name: string, more: Partial<GraphColumn> = {}): GraphColumn {
  return {
    key: name,
    path: name,
    name,
    kind: "Conv2d",
    operations: 1,
    begins: 0,
    ends: 1,
    alike: 1,
    opens: false,
    stage: 0,
    shape: [1, 8, 16, 16],
    dtype: "float32",
    axes: AXES,
    channels: [3, 1, 0, 2, 7, 5],
    low: null,
    high: null,
    steepest: null,
    changed: null,
    turned: null,
    edited: "",
    finite: true,
    before: [],
    skips: false,
    parameters: [],
    learned: 0,
    macs: 0,
    bytes: 0,
    seconds: 0,
    rebuilt: false,
    source: { file: "", line: 0, function: "", lines: [] },
    ...more,
  };
}

const graph = (columns: GraphColumn[]): Graph =>
  ({
    columns,
    stages: [
      { path: "", label: "" },
      { path: "layer1", label: "layer1" },
    ],
  }) as unknown as Graph;

const COLUMNS = [
  column("input", { kind: "input" }),
  column("stem", { before: [0] }),
  column("a", { stage: 1, before: [1] }),
  column("b", { stage: 1, before: [2], skips: true }),
  column("head", { before: [1, 3] }),
];

describe("layoutGraph", () => {
  it("lays columns beside each other, and none over another", () => {
    for (const width of [320, 800, 1400, 2400]) {
      const { columns } = layoutGraph(graph(COLUMNS), width, 700, false);
      for (let i = 1; i < columns.length; i++)
        expect(columns[i]!.x).toBeGreaterThan(columns[i - 1]!.x + columns[i - 1]!.width);
    }
  });

  it("keeps each channel on its row", () => {
    const { columns } = layoutGraph(graph(COLUMNS), 1200, 700, false);
    const rows = columns.map(({ panes }) => panes.map(({ y }) => y));
    for (const row of rows) expect(row).toEqual(rows[0]);
  });

  it("fills the height that there is, and stays within it", () => {
    const heights = [560, 700, 900].map((height) => layoutGraph(graph(COLUMNS), 1200, height, false));
    for (const [i, height] of [560, 700, 900].entries())
      expect(heights[i]!.height).toBeLessThanOrEqual(height + 1);
    expect(heights[1]!.pane).toBeGreaterThan(heights[0]!.pane);
  });

  it("is never smaller than a pane can be read", () => {
    const many = Array.from({ length: 80 }, (_, i) => column(`c${i}`));
    expect(layoutGraph(graph(many), 800, 700, false).pane).toBe(30);
    expect(layoutGraph(graph(many), 800, 700, true).pane).toBe(22);
    expect(layoutGraph(graph(many), 800, 700, false, true).pane).toBe(40);
  });

  it("draws what goes around, and not what only follows", () => {
    const { arcs } = layoutGraph(graph(COLUMNS), 1200, 700, false);
    expect(arcs).toHaveLength(2); // over b, and from the stem to the head
  });

  it("brackets what stands in one stage", () => {
    const { brackets, columns } = layoutGraph(graph(COLUMNS), 1200, 700, false);
    expect(brackets.map(({ path }) => path)).toEqual(["layer1"]);
    expect(brackets[0]).toMatchObject({ from: columns[2]!.x, to: columns[3]!.x + columns[3]!.width });
  });
});

describe("shortened", () => {
  const inception = ["inception3a", "inception3b", "inception4a", "maxpool1"].map((name) => column(name));
  it("leaves out the word that most of a stage share, where there is no room for it", () => {
    expect(shortened(inception, 1, 7)).toBe("3b");
    expect(shortened(inception, 1, 20)).toBe("inception3b");
  });
  it("keeps a name whose word others lack", () => {
    expect(shortened(inception, 3, 7).replace("\u200b", "")).toBe("maxpool1");
  });
});

describe("skyline", () => {
  it("has one bar a channel while they fit, largest first", () => {
    const bars = skyline(new Float32Array([1, -5, 3]), 10);
    expect(bars).toEqual([
      { channel: 2, value: 3 },
      { channel: 0, value: 1 },
      { channel: 1, value: -5 },
    ]);
  });
  it("keeps both extremes where there are more channels than bars", () => {
    const weights = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i * 7.3));
    weights[321] = 40;
    weights[654] = -60;
    const bars = skyline(weights, 20);
    expect(bars).toHaveLength(20);
    expect(bars[0]).toEqual({ channel: 321, value: 40 });
    expect(bars.at(-1)).toEqual({ channel: 654, value: -60 });
    for (const { channel, value } of bars) expect(weights[channel]).toBe(value);
  });
});

describe("shapeOf", () => {
  it("leaves out a batch of one", () => {
    expect(shapeOf([1, 256, 14, 14])).toBe("256×14×14");
    expect(shapeOf([2, 3])).toBe("2×3");
    expect(shapeOf([1])).toBe("1");
  });
});
