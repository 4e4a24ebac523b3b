import { expect, test } from "vitest";
import type { MapStage } from "../../lib/messages";
import { boxOf, layOut } from "./layout";

function unet(depth: number, classes: number, skips = true): MapStage[] {
  const stage = (side: MapStage["side"], part: MapStage["part"], level: number, of = 6): MapStage => ({
    path: `${side}.${part}.${level}`,
    side,
    part,
    level,
    channels: Array.from({ length: of }, (_, i) => i),
    of,
    size: [64 >> level, 64 >> level],
    reach: { ref: "", value: 1 },
  });
  const found = [stage("input", "picture", 0, 3)];
  for (let i = 0; i < depth; i++) found.push(stage("down", "first", i), stage("down", "second", i));
  found.push(stage("lowest", "first", depth), stage("lowest", "second", depth));
  for (let i = depth - 1; i >= 0; i--)
    found.push(
      stage("up", "grown", i),
      ...(skips ? [stage("up", "across", i)] : []),
      stage("up", "first", i),
      stage("up", "second", i),
    );
  return [...found, stage("out", "logits", 0, classes), stage("out", "probabilities", 0, classes)];
}

for (const [room, depth, classes, skips] of [
  [1376, 4, 6, true],
  [964, 4, 5, true],
  [964, 4, 5, false],
  [760, 3, 2, true],
  [358, 4, 6, true],
] as const)
  test(`${depth} levels in ${room} px: every pane has its own place within`, () => {
    const stages = unet(depth, classes, skips);
    const layout = layOut(stages, room);
    expect(new Set(layout.rows.map(({ at }) => at)).size).toBe(stages.length);
    const boxes = layout.rows.flatMap((row) => stages[row.at]!.channels.map((_, slot) => boxOf(row, slot)));
    for (const [i, box] of boxes.entries()) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(room);
      expect(box.y + box.height).toBeLessThanOrEqual(layout.height);
      for (const other of boxes.slice(i + 1))
        expect(
          box.x + box.width <= other.x ||
            other.x + other.width <= box.x ||
            box.y + box.height <= other.y ||
            other.y + other.height <= box.y,
        ).toBe(true);
    }
    expect(layout.arrows.filter(({ kind }) => kind === "skip")).toHaveLength(skips ? depth : 0);
  });

test("what a skip connection carries stands as high as what it comes from", () => {
  const stages = unet(4, 6);
  const { rows } = layOut(stages, 964);
  const find = (side: string, part: string, level: number) =>
    rows.find(({ at }) => {
      const stage = stages[at]!;
      return stage.side === side && stage.part === part && stage.level === level;
    })!;
  for (let level = 0; level < 4; level++) {
    expect(find("up", "across", level).y).toBe(find("down", "second", level).y);
    expect(find("up", "across", level).x).toBeGreaterThan(
      find("down", "second", level).x + find("down", "second", level).width,
    );
  }
});
