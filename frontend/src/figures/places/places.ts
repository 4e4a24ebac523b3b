/** Pictures at their places on a plane: one scale for both axes, so that distances are what they are. */
export interface Place {
  key: string;
  x: number;
  y: number;
  /** Where both can be asked for; null for places that nobody can compute again to the last digit. */
  xRef: string | null;
  yRef: string | null;
  /** Which of TONES. */
  tone: number;
  label: string;
  faded: boolean;
}

/** Okabe and Ito's, for classes; from the ninth on they come again. */
export const TONES = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b3a400", "#868d99"];
export const toneOf = (k: number): string => TONES[k % TONES.length]!;

export interface Laid {
  /** Pixels a unit. */
  scale: number;
  left: (x: number) => number;
  top: (y: number) => number;
  /** Side of a picture. */
  side: number;
}

const SIDES: [number, number][] = [
  [160, 32],
  [400, 24],
  [1000, 18],
  [Infinity, 12],
];

export function lay(places: Place[], width: number, height: number): Laid {
  const side = SIDES.find(([most]) => places.length <= most)![1];
  const range = (values: number[]): [number, number] => [Math.min(...values), Math.max(...values)];
  const [x0, x1] = range(places.map(({ x }) => x));
  const [y0, y1] = range(places.map(({ y }) => y));
  const room = side + 6;
  const scale = Math.min((width - room) / (x1 - x0 || 1), (height - room) / (y1 - y0 || 1));
  return {
    scale,
    left: (x) => width / 2 + scale * (x - (x0 + x1) / 2),
    top: (y) => height / 2 - scale * (y - (y0 + y1) / 2),
    side,
  };
}

const STEPS: Record<string, [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
};

/** The nearest place in the direction of an arrow key, within 45° of it; the place itself where there is none. */
export function beside(places: Place[], from: Place, key: string): Place | null {
  const step = STEPS[key];
  if (!step) return null;
  let best: Place | null = null;
  let least = Infinity;
  for (const one of places) {
    const [dx, dy] = [one.x - from.x, one.y - from.y];
    const along = dx * step[0] + dy * step[1];
    const aside = Math.abs(dx * step[1]) + Math.abs(dy * step[0]);
    const far = Math.hypot(dx, dy);
    if (one !== from && along > 0 && aside <= along && far < least) [best, least] = [one, far];
  }
  return best ?? from;
}
