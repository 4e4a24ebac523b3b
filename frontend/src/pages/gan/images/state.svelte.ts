/** What the page of made pictures knows: the run of the one that is open, and what stands around it. */
import { untrack } from "svelte";
import { address } from "../../../lib/address.svelte";
import { link } from "../../../lib/link.svelte";
import type { DrawnPlaces, Scores } from "../../../lib/messages";
import type { Tensor } from "../../../lib/tensors";
import { GraphState } from "../../open/state.svelte";
import { across, asInput, between, placeOf, sum } from "./places";

export const NETWORK = "dcgan-fashion";
/** The draw that stands open at first; it is one of the plane's. */
const FIRST = "3";
export const WALKS = ["plane", "between", "sum"] as const;
export type WalkOf = (typeof WALKS)[number];
/** Along each side of the plane so many pictures are drawn, up to so far from the middle. */
export const SIDE = 7;
export const REACH = 1.5;
/** Between two draws. */
export const STEPS = 9;
export const SHEET = 40;

/** Pictures that came together: what is said of them, their pixels, and the slopes if these were asked for. */
export interface Drawn {
  answer: DrawnPlaces;
  pixels: Tensor;
  slopes: Tensor | null;
}

const whole = (text: string | null, first: number): number => {
  const value = Number(text);
  return text !== null && Number.isInteger(value) && value >= 0 && value < 2 ** 31 ? value : first;
};

export class ImagesState extends GraphState {
  sheet = $state.raw<Drawn | null>(null);
  walked = $state.raw<Drawn | null>(null);
  /** The open picture, and a real one. */
  looks = $state.raw<Drawn | null>(null);
  scores = $state.raw<Scores | null>(null);

  place = $derived(placeOf(this.input) ?? FIRST);
  walk = $derived<WalkOf>(WALKS.find((one) => one === address.get("walk")) ?? "plane");
  a = $derived(whole(address.get("a"), 3));
  b = $derived(whole(address.get("b"), 8));
  c = $derived(whole(address.get("c"), 5));
  /** The first draw of the sheet. */
  first = $derived(whole(address.get("first"), 0));
  /** The held-out picture beside the open one. */
  real = $derived(whole(address.get("real"), 0));
  places = $derived.by((): string[] => {
    const { a, b, c, walk } = this;
    if (walk === "between") return Array.from({ length: STEPS }, (_, i) => between(a, b, i / (STEPS - 1)));
    if (walk === "sum") return [`${a}`, `${b}`, `${c}`, sum(a, b, c)];
    const at = (i: number): number => REACH * ((2 * i) / (SIDE - 1) - 1);
    return Array.from({ length: SIDE * SIDE }, (_, i) =>
      across(a, b, at(i % SIDE), -at(Math.floor(i / SIDE))),
    );
  });

  constructor() {
    super({ network: NETWORK, input: asInput(FIRST), level: "operations" });
    $effect(() => {
      const seeds = Array.from({ length: SHEET }, (_, i) => `${this.first + i}`);
      this.#draw("sheet", seeds, false, (drawn) => (this.sheet = drawn));
    });
    $effect(() => this.#draw("walk", this.places, false, (drawn) => (this.walked = drawn)));
    $effect(() =>
      this.#draw("looks", [this.place, `real:${this.real}`], true, (drawn) => (this.looks = drawn)),
    );
    $effect(() => {
      if (this.network) untrack(() => this.#score(this.network!));
    });
    $effect(() => link.onReopen(() => this.#score(this.network!)));
  }

  #draw(view: string, places: string[], slopes: boolean, take: (drawn: Drawn) => void): void {
    const { network } = this;
    if (!network) return;
    link.ask({ type: "draw_places", network, places, slopes, view }, (answer, tensors) => {
      if (answer.type === "failure") this.failure = answer;
      if (answer.type !== "drawn_places" || this.network !== network) return;
      take({ answer, pixels: tensors[0]!, slopes: tensors[1] ?? null });
    });
  }

  #score(network: string): void {
    link.ask({ type: "open_scores", network }, (answer) => {
      if (answer.type === "scores" && this.network === network) this.scores = answer;
    });
  }

  /** Another place in the noise; what a drag passes does not fill the history. */
  goTo(place: string, step = true): void {
    address.set({ input: asInput(place) }, step);
  }
}
