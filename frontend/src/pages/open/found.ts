/** Which boxes of a detector are shown, and where on its picture. */
import type { Detected, Detections } from "../../lib/messages";
import { text, type Key } from "../../lib/text";

/** Of a score: what most people draw boxes from. */
export const USUAL = 0.5;
export const SIDES: Key[] = ["found.left", "found.top", "found.right", "found.bottom"];

/** The boxes whose score is above a threshold, the largest score first. */
export const above = ({ found }: Detections, threshold: number): Detected[] =>
  found.filter((one) => one.score.value > threshold);

/** Its label, or, where the network's labels have no names, that this is one. */
export const named = ({ label }: Detected): string =>
  /^\d+$/.test(label) ? text("found.label", { label }) : label;

/** What the address says, if that is a threshold. */
export function asThreshold(words: string | null): number {
  const value = Number(words);
  return words && value >= 0 && value < 1 ? value : USUAL;
}

interface Placed {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Small boxes lie upon large ones, so that each can be pointed at. */
  order: number;
}

/** Where a box lies, in hundredths of its picture. */
export function placed({ box }: Detected, { width, height }: Detections): Placed {
  const [left = 0, top = 0, right = 0, bottom = 0] = box.map((one) => one.value);
  const share = ((right - left) * (bottom - top)) / (width * height);
  return {
    left: (100 * left) / width,
    top: (100 * top) / height,
    width: (100 * (right - left)) / width,
    height: (100 * (bottom - top)) / height,
    order: Math.round(1000 * (1 - share)),
  };
}
