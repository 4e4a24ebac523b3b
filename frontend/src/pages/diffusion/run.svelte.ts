/** A run as it comes in: how it begins, its steps so far, and how it ended. */
import type { Imagined, ImagineEnded, ImagineStep } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";

/** Milliseconds in which steps that come are gathered. */
const GATHER = 60;

export interface Stepped {
  answer: ImagineStep;
  tensors: Map<string, Tensor>;
}

export class Run {
  began = $state.raw<{ answer: Imagined; tensors: Map<string, Tensor> } | null>(null);
  steps = $state.raw<Stepped[]>([]);
  ended = $state.raw<{ answer: ImagineEnded; picture: Tensor } | null>(null);
  busy = $state(false);
  stopped = $state(false);
  request = 0;
  #came: Stepped[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** A step came; many that come at once are shown together, so that the page can still be used. */
  take(step: Stepped): void {
    this.#came.push(step);
    if (this.steps.length < 2) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), GATHER);
  }
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#came.length) this.steps = [...this.steps, ...this.#came.splice(0)];
  }

  of(step: number): Stepped | null {
    return this.steps.find(({ answer }) => answer.index === step) ?? null;
  }
  /** A tensor of a step, such as latent, guided or picture. */
  tensor(step: number, name: string): Tensor | null {
    return this.of(step)?.tensors.get(`${name}/${step}`) ?? null;
  }
  get first(): number {
    return this.began?.answer.first ?? 0;
  }
  get last(): number {
    return (this.began?.answer.moments.length ?? 1) - 2;
  }
  get reached(): number {
    return this.steps.at(-1)?.answer.index ?? this.first;
  }
}
