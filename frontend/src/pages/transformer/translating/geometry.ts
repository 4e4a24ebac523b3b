/** Where things stand on the map of an encoder and a decoder: source on the left, translation on the right of it. */
import { GUTTER } from "../geometry";

const STUB = 18;
const BRIDGE = 96;
const SMALLEST = 44;
const LARGEST_PANE = 84;
const FEW = 6;
const SOME = 14;
const GAP = 4;

export interface Places {
  width: number;
  /** Of an attention's column: a block of the encoder is one wide, one of the decoder two. */
  pitch: number;
  stub: number;
  pane: number;
  /** Left edges: of a block's column, and of the two streams before the first. */
  encoder: (layer: number) => number;
  decoder: (layer: number) => number;
  source: number;
  target: number;
  /** Between which the lines from one text to the other run. */
  bridge: [number, number];
}

export function places(width: number, layers: number): Places {
  const pitch = Math.max(SMALLEST, (width - 2 * GUTTER - 2 * STUB - BRIDGE) / (3 * layers));
  const end = GUTTER + STUB + pitch * layers;
  const target = end + BRIDGE + GUTTER;
  return {
    width: target + STUB + 2 * pitch * layers,
    pitch,
    stub: STUB,
    pane: Math.min(LARGEST_PANE, pitch - 6),
    encoder: (layer) => GUTTER + STUB + layer * pitch,
    decoder: (layer) => target + STUB + 2 * layer * pitch,
    source: GUTTER,
    target,
    bridge: [end + 4, end + BRIDGE - 4],
  };
}

/** How high a lane is, where the longer of two texts has so many tokens. */
export const laneHeight = (tokens: number): number => (tokens <= FEW ? 36 : tokens <= SOME ? 24 : 17);

/** The middle of a lane. */
export const middle = (lane: number, height: number): number => lane * (height + GAP) + GAP + height / 2;
