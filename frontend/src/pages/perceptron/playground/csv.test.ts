import { describe, expect, it } from "vitest";
import { MOST, readTable } from "./csv";

const why = (text: string): string => {
  const found = readTable(text);
  return "refusal" in found ? `${found.refusal.where}: ${found.refusal.why}` : "read";
};

describe("a table of points", () => {
  it("is read with or without names, whatever parts its columns", () => {
    for (const text of [
      "x,y,c\n1,2,0\n3,4,1\n5,6,0\n7,8,1",
      "1;2;0\n3;4;1\n5;6;0\n7;8;1",
      "1\t2\t0\r\n3\t4\t1\r\n5\t6\t0\r\n7\t8\t1",
    ])
      expect(readTable(text)).toEqual({
        points: [
          [1, 2, 0],
          [3, 4, 1],
          [5, 6, 0],
          [7, 8, 1],
        ],
        rows: 4,
        classes: [],
      });
  });

  it("may name its two classes in words", () => {
    const found = readTable("1,2,cat\n3,4,dog\n5,6,cat\n0,1,dog");
    expect(found).toMatchObject({
      classes: ["cat", "dog"],
      points: [
        [1, 2, 0],
        [3, 4, 1],
        [5, 6, 0],
        [0, 1, 1],
      ],
    });
  });

  it("is refused with the line and the reason", () => {
    expect(why("")).toContain("it is empty");
    expect(why("1,2,0\n3,4\n5,6,1\n7,8,1")).toBe("line 2: it has 2 columns; 3 are needed");
    expect(why("1,2,0\n3,four,1\n5,6,1\n7,8,1")).toBe("line 2: a coordinate is no number: 3, four");
    expect(why("1,2,0\n3,Infinity,1\n5,6,1\n7,8,1")).toContain("line 2");
    expect(why("1,2,0\n1,4,1\n1,6,1\n1,8,1")).toContain("the first column is the same");
    expect(why("1,2,5\n2,4,5\n3,6,5\n4,8,5")).toContain("the last column is the same");
    expect(why("1,2,a\n2,4,b\n3,6,c\n4,8,a")).toContain("names 3 classes");
    expect(why("1,2,0\n3,4,1")).toContain("it has 2 rows");
  });

  it("is thinned evenly when it is long", () => {
    const rows = Array.from({ length: 100_000 }, (_, i) => `${i},${i % 7},${i % 2}`);
    const found = readTable(rows.join("\n"));
    if ("refusal" in found) throw new Error(found.refusal.why);
    expect([found.rows, found.points.length]).toEqual([100_000, MOST]);
    expect(found.points[MOST / 2]![0]).toBeCloseTo(50_000, -2);
    expect(new Set(found.points.map((row) => row[2]))).toEqual(new Set([0, 1]));
    expect(JSON.stringify(found.points).length).toBeLessThan(60_000);
  });
});
