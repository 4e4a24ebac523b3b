/** What the page of backpropagation knows: the lesson that the address names, and where in its slow motion it stands. */
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Failure, Landscape, Lesson, LessonOf, NetworkCard, Sample } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { layersOf } from "./layers";
import { upload, type Refusal } from "../../chrome/input/upload";

const SHIPPED = "perceptron-digits";
const PLAY_EVERY = 1100;
export const STEPS = [0, 1, 2, 3, 4, 5, 10, 20, 50, 100, 200, 400, 800, 1600, 3200, 6400, 12800];

const number = (name: string, otherwise: number): number => {
  const value = Number(address.get(name) ?? NaN);
  return Number.isFinite(value) ? value : otherwise;
};

export class LessonState {
  opened = $state.raw<LessonOf | null>(null);
  tensors = $state.raw(new Map<string, Tensor>());
  landscape = $state.raw<{ about: Landscape; costs: Tensor; path: Tensor } | null>(null);
  samples = $state.raw<Sample[]>([]);
  thumbnails = $state.raw<Tensor | null>(null);
  failure = $state.raw<Failure | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  busy = $state(false);
  playing = $state(false);
  #player: ReturnType<typeof setInterval> | undefined;

  layers = $derived(layersOf(address.get("layers")));
  lesson = $derived<Required<Lesson>>({
    network: this.layers.length ? "" : (address.get("network") ?? SHIPPED),
    layers: this.layers,
    seed: number("seed", 0),
    optimiser: address.get("optimiser") ?? "SGD",
    rate: number("rate", 0.2),
    batch: number("batch", 1),
    step: number("step", 0),
    input: address.get("input") ?? "",
    label: address.get("label") === null ? null : number("label", 0),
  });
  weight = $derived((address.get("weight") ?? "").split(",").filter(Boolean).map(Number));
  backward = $derived(address.get("direction") !== "forward");
  input = $derived(this.opened?.input ?? null);
  /** The last layer's number. */
  depth = $derived(this.opened?.layers.length ?? 0);
  stops = $derived(2 * this.depth + 2);
  stop = $derived(Math.min(Math.max(1, this.stops), Math.max(1, number("stop", 3))));
  card = { draws: true } as NetworkCard;

  constructor() {
    $effect(() => this.#ask(this.lesson, this.weight));
    $effect(() => {
      link.ask({ type: "list_samples", network: SHIPPED }, (answer, tensors) => {
        if (answer.type !== "samples") return;
        this.samples = answer.samples;
        this.thumbnails = tensors[0] ?? null;
      });
    });
    $effect(() => link.onReopen(() => this.#ask(this.lesson, this.weight)));
    $effect(() => () => clearInterval(this.#player));
  }

  #ask(lesson: Required<Lesson>, weight: number[]): void {
    this.busy = true;
    link.ask({ type: "open_lesson", lesson, weight, view: "page" }, (answer, tensors) => {
      if (answer.type === "lesson") {
        this.tensors = new Map(tensors.map((one) => [one.ref.slice(one.ref.indexOf("#") + 1), one]));
        this.opened = answer;
        this.failure = null;
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
  }

  /** `w2@grad` */
  of(name: string): Tensor | undefined {
    return this.tensors.get(name);
  }

  at(name: string, place: number): number {
    return this.tensors.get(name)?.data[place] ?? 0;
  }

  ref(path: string, what: string): string {
    return `${this.opened?.source ?? ""}#${path}@${what}`;
  }

  /** Change the lesson; what is opened stays where it was. */
  set(changes: Record<string, string | null>, step = true): void {
    this.halt();
    address.set(changes, step);
  }

  choose(layer: number, unit: number, source?: number): void {
    this.set({ weight: [layer, unit, source ?? this.steepest(layer, unit)].join(",") });
  }

  /** The weight into a unit with the largest slope. */
  steepest(layer: number, unit: number): number {
    const slopes = this.of(`w${layer}@grad`);
    if (!slopes) return 0;
    const inputs = slopes.shape[1]!;
    let best = 0;
    for (let i = 1; i < inputs; i++)
      if (Math.abs(slopes.data[unit * inputs + i]!) > Math.abs(slopes.data[unit * inputs + best]!)) best = i;
    return best;
  }

  go(stop: number): void {
    address.set({ stop: String(Math.min(this.stops, Math.max(1, stop))), direction: null }, false);
  }

  /** One stop on or back; past the last the next step begins. */
  move(by: number): void {
    const to = this.stop + by;
    if (to > this.stops) this.train(this.lesson.step + 1, 1);
    else if (to < 1 && this.lesson.step > 0) this.train(this.lesson.step - 1, this.stops);
    else this.go(to);
  }

  train(step: number, stop = this.stop): void {
    address.set({ step: step ? String(step) : null, stop: String(stop) }, false);
  }

  play(): void {
    if (this.playing) return this.halt();
    this.playing = true;
    if (this.stop === this.stops) this.go(1);
    this.#player = setInterval(() => {
      if (this.stop >= this.stops) return this.halt();
      this.go(this.stop + 1);
    }, PLAY_EVERY);
  }

  halt(): void {
    clearInterval(this.#player);
    this.playing = false;
  }

  survey(): void {
    if (!this.opened) return;
    link.ask({ type: "open_landscape", lesson: this.opened.lesson }, (answer, tensors) => {
      if (answer.type === "landscape") {
        const [costs, path] = tensors;
        this.landscape = { about: answer, costs: costs!, path: path! };
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  /** Read a picture of the reader's, by its id. */
  read(id: string, step = true): void {
    address.set({ input: `upload:${id}`, label: null, weight: null }, step);
  }

  async give(picture: Blob | null | undefined): Promise<void> {
    if (!picture) return;
    const answer = await upload(picture);
    if ("refusal" in answer) this.refusal = answer.refusal;
    else this.read(answer.id);
  }
}
