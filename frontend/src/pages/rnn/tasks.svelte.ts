/** What the view of the memory problems knows: the settings in the address, where both learners stand. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Failure, Problem, Remembered } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";

const FRAME = 60; // milliseconds of learning between two pictures
const FAR = 20_000;
const CATCH_UP = 8_000;
export const BEGIN: Required<Problem> = {
  problem: "adding",
  length: 50,
  units: 32,
  batch: 32,
  rate: 0.005,
  clip: 1,
  radius: 0,
  seed: 0,
};
type Name = Exclude<keyof Problem, "problem">;
export const NAMES: Name[] = ["length", "units", "batch", "rate", "clip", "radius", "seed"];

export class TasksState {
  shown = $state.raw<Remembered | null>(null);
  tensors = $state.raw(new Map<string, Tensor>());
  failure = $state.raw<Failure | null>(null);
  playing = $state(false);
  busy = $state(false);
  problem = $derived.by((): Required<Problem> => {
    const found: Record<string, number> = {};
    for (const name of NAMES) {
      const value = Number(address.get(name) ?? NaN);
      found[name] = Number.isFinite(value) ? value : BEGIN[name];
    }
    return { ...BEGIN, ...found, problem: address.get("problem") === "copy" ? "copy" : "adding" };
  });
  example = $derived(Math.min(199, Math.max(0, Math.round(Number(address.get("example") ?? 0)) || 0)));
  step = $derived(this.shown?.step ?? 0);
  #wanted = $derived(JSON.stringify(this.problem));
  #asked = 0;

  constructor() {
    let before = "";
    $effect(() => {
      const wanted = this.#wanted;
      void this.example;
      untrack(() => {
        const fresh = before !== "" && before !== wanted;
        if (fresh) this.playing = false;
        const at = Number(address.get("at") ?? 0);
        this.#ask(fresh ? 0 : this.shown ? this.step : Number.isInteger(at) && at > 0 ? at : 0, CATCH_UP);
        before = wanted;
      });
    });
    $effect(() => link.onReopen(() => this.#ask(this.step, CATCH_UP)));
    $effect(() => () => (this.playing = false));
  }

  of(path: string): Tensor | undefined {
    return this.tensors.get(path);
  }

  #ask(step: number, milliseconds: number): void {
    const turn = ++this.#asked;
    this.busy = milliseconds > 1000;
    const { problem, example } = this;
    const asked = { type: "remember_on", problem, step, milliseconds, example } as const;
    link.ask(asked, (answer, tensors) => {
      if (turn !== this.#asked) return;
      if (answer.type === "remembered") {
        this.tensors = new Map(
          tensors.map((one) => [one.ref.slice(one.ref.indexOf("#") + 1).replace("@value", ""), one]),
        );
        this.shown = answer;
        this.failure = null;
        if (answer.step >= FAR) this.playing = false;
      }
      if (answer.type === "failure") {
        this.failure = answer;
        this.playing = false;
      }
      if (answer.type === "failure" || answer.type === "done") {
        this.busy = false;
        if (this.playing) this.#ask(FAR, FRAME);
      }
    });
  }

  play(): void {
    if (this.playing) return this.halt();
    this.playing = true;
    this.#ask(FAR, FRAME);
  }

  halt(): void {
    this.playing = false;
    address.set({ at: this.step ? String(this.step) : null }, false);
  }

  go(step: number): void {
    this.playing = false;
    const to = Math.max(0, Math.min(FAR, step));
    address.set({ at: to ? String(to) : null }, false);
    this.#ask(to, CATCH_UP);
  }

  set(changes: Partial<Problem>): void {
    const values = Object.fromEntries(
      Object.entries(changes).map(([name, value]) => [
        name,
        value === BEGIN[name as keyof Problem] ? null : String(value),
      ]),
    );
    address.set({ ...values, at: null });
  }

  look(example: number): void {
    address.set({ example: String((example + 200) % 200) }, false);
  }
}
