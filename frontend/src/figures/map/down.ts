/** The map from top to bottom, for a narrow screen: one row of panes a set of columns, lines from row to row. */
import type { Scene } from "../../lib/messages";
import { colourOf } from "../../lib/names";
import { isOutput, sizeOf, type Head, type Layout, type Placed, type Wires } from "./layout";

const MARGIN = 16;
const LABEL = 22;
const LINES = 33;
const LARGEST = 34;
/** Above the first row: the picture and its channels. */
const INPUT = { picture: 46, pane: 36, step: 52, left: 112 };
const SENT = 36;

export function layoutDown(scene: Scene, width: number): Layout {
  const maps = scene.columns.filter((column) => column.shape.length > 1);
  const groups = [...new Set(maps.map((column) => column.scale))].map((scale) =>
    maps.filter((column) => column.scale === scale),
  );
  const heads: Head[] = [];
  const columns: Placed[] = [];
  const wires: Wires[] = [];
  const channels = scene.input.channels.length;
  const input = Array.from({ length: channels }, (_, i) => ({
    x: INPUT.left + i * INPUT.step,
    y: 18,
    width: INPUT.pane,
    height: INPUT.pane,
  }));
  input.forEach((box, i) =>
    heads.push({
      words: colourOf(scene.input, i),
      kind: "name",
      x: box.x + box.width / 2,
      y: 0,
      align: "middle",
    }),
  );
  let outlets: [number, number][] = input.map((box) => [box.x + box.width / 2, box.y + box.height + 1]);
  let y = input[0]!.y + INPUT.pane;

  groups.forEach((group, order) => {
    const column = group.at(-1)!;
    const count = column.shape[0]!;
    const pitch = (width - 2 * MARGIN) / count;
    const side = Math.min(LARGEST, pitch - 3);
    y += LINES;
    heads.push({
      words: group.map((one) => one.label).join(", "),
      kind: "name",
      x: MARGIN,
      y: y - LABEL + 2,
      align: "start",
    });
    heads.push({ words: sizeOf(column), kind: "size", x: width - MARGIN, y: y - LABEL + 2, align: "end" });
    const panes = Array.from({ length: count }, (_, i) => ({
      x: MARGIN + i * pitch + (pitch - side) / 2,
      y,
      width: side,
      height: side,
    }));
    wires.push({ column: group[0]!, from: outlets, to: panes.map((box) => [box.x + side / 2, box.y - 1]) });
    outlets = panes.map((box) => [box.x + side / 2, box.y + side + 1]);
    columns.push({ column, panes, strip: false, group: order, x: MARGIN, width: width - 2 * MARGIN });
    y += side;
  });

  const output = scene.columns.at(-1)!;
  y += SENT;
  if (isOutput(scene, output))
    wires.push({ column: output, from: outlets, to: scene.classes.map(() => [width / 2, y - 1]) });
  return {
    width,
    height: y,
    downwards: true,
    vitrine: null,
    picture: { x: MARGIN, y: 8, width: INPUT.picture, height: INPUT.picture },
    input,
    columns,
    classes: [],
    wires,
    brackets: [],
    heads,
    legends: [],
    top: 0,
    bottom: y,
  };
}
