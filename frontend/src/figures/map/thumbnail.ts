/** A map small enough for the gallery: the last tensor of each set of columns, and the lines between them. */
import type { Scene } from "../../lib/messages";
import { isOutput, type Layout, type Placed, type Wires } from "./layout";

const ANSWER = 84;

export function layoutThumbnail(scene: Scene, width: number, height: number): Layout {
  const maps = scene.columns.filter((column) => column.shape.length > 1 && column.mixes);
  // After its ReLU a channel shows what it hands on; what follows it (pooling, flatten) only makes it smaller.
  const drawn = maps.map(
    (column) => scene.columns.find((one) => one.inputs[0] === column.path && one.shape.length > 1) ?? column,
  );
  const rows = Math.max(...drawn.map((column) => column.shape[0]!));
  const pitch = (height - 32) / rows;
  const side = Math.min(pitch - 4, 32);
  const picture = Math.min(height * 0.42, width * 0.19);
  const left = 20 + picture;
  const gap = (width - left - ANSWER - 20 - drawn.length * side) / (drawn.length + 1);
  const middle = (count: number, i: number): number => height / 2 + (i - (count - 1) / 2) * pitch;
  const inputs = scene.input.channels.length;
  let outlets: [number, number][] = Array.from({ length: inputs }, (_, i) => [
    left + 1,
    height / 2 + (i - (inputs - 1) / 2) * (picture / Math.max(2, inputs)) * 0.8,
  ]);
  const columns: Placed[] = [];
  const wires: Wires[] = [];
  drawn.forEach((column, order) => {
    const x = left + gap * (order + 1) + side * order;
    const count = column.shape[0]!;
    const panes = Array.from({ length: count }, (_, i) => ({
      x,
      y: middle(count, i) - side / 2,
      width: side,
      height: side,
    }));
    wires.push({
      column: maps[order]!,
      from: outlets,
      to: panes.map((box) => [box.x - 1, box.y + side / 2]),
    });
    outlets = panes.map((box) => [box.x + side + 1, box.y + side / 2]);
    columns.push({ column, panes, strip: false, group: order, x, width: side });
  });
  const answer = { x: width - ANSWER - 8, y: height / 2, width: ANSWER, height: 36 };
  const output = scene.columns.at(-1)!;
  if (isOutput(scene, output))
    wires.push({ column: output, from: outlets, to: scene.classes.map(() => [answer.x - 6, height / 2]) });
  return {
    width,
    height,
    downwards: false,
    vitrine: null,
    picture: { x: 16, y: height / 2 - picture / 2, width: picture, height: picture },
    input: [],
    columns,
    classes: [answer],
    wires,
    brackets: [],
    heads: [],
    legends: [],
    top: 0,
    bottom: height,
  };
}
