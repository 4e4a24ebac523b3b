import { expect, test } from "vitest";
import { at, format, parse, shown } from "./refs";

test("a reference is read and written back as it was", () => {
  for (const ref of [
    "trace:0123456789abcdef#block2.conv2[0,3,10,8]@value",
    "trace:0123456789abcdef#:softmax[0,4]@grad",
    "trace:0123456789abcdef#:relu#2[0,1]@term:7",
    "measure:tiny-vgg-emoji#accuracy@value",
  ])
    expect(format(parse(ref)!)).toBe(ref);
});

test("a whole tensor's reference becomes an element's", () => {
  expect(at("trace:a#conv1@value", [0, 2])).toBe("trace:a#conv1[0,2]@value");
  expect(at("trace:a#conv1@edge", [0, 2])).toBe("trace:a#conv1[0,2]@edge");
});

test("what is no reference is none, and a batch of one is not shown", () => {
  expect(parse("block2.conv2")).toBeNull();
  expect(shown([0, 3, 10, 8])).toBe("[3, 10, 8]");
});
