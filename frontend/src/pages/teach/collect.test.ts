import { expect, test } from "vitest";
import { sorted } from "./collect";

const file = (path: string): { path: string[]; file: File } => ({
  path: path.split("/"),
  file: new File([], path),
});
const classes = (...paths: string[]): string[] =>
  sorted(paths.map(file)).found.map(({ kind, name }) => `${kind}: ${name}`);

test("the folder of a picture is its class, with or without a folder around all", () => {
  expect(classes("cat/1.png", "dog/2.png")).toEqual(["cat: 1.png", "dog: 2.png"]);
  expect(classes("my/photos/cat/1.png", "my/photos/dog/2.png")).toEqual(["cat: 1.png", "dog: 2.png"]);
});

test("deeper folders belong to their class", () => {
  expect(classes("p/cat/kitten/1.png", "p/cat/2.png", "p/dog/3.png")).toEqual([
    "cat: 1.png",
    "cat: 2.png",
    "dog: 3.png",
  ]);
});

test("one folder alone is one class", () => {
  expect(classes("cat/1.png", "cat/2.png")).toEqual(["cat: 1.png", "cat: 2.png"]);
});

test("what lies in no folder, what is hidden and what is empty is told apart", () => {
  const all = sorted(
    [
      file("photos/loose.png"),
      file("photos/cat/1.png"),
      file("photos/.git/x.png"),
      file("photos/cat/Thumbs.db"),
    ],
    [["photos"], ["photos", "cat"], ["photos", "dog"], ["photos", ".git"]],
  );
  expect(all.loose).toEqual(["photos/loose.png"]);
  expect(all.empty).toEqual(["dog"]);
  expect(all.found.map(({ name }) => name)).toEqual(["1.png"]);
  expect(all.divided).toBe(false);
});

test("a folder that is divided already is known by its parts", () => {
  expect(sorted([file("p/train/cat/1.png"), file("p/test/cat/2.png")]).divided).toBe(true);
});
