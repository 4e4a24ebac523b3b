/** What the view of the recurrence knows: the sequence as it was read, the open step and its arithmetic. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Explained, Failure, Recurrence, Unrolled, Written } from "../../lib/messages";
import { parse } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";

const TERMS = 6;
const number = (name: string): number | null => {
  const words = address.get(name);
  return words !== null && /^\d{1,6}$/.test(words) ? Number(words) : null;
};

export class StepsState {
  read = $state.raw<Unrolled | null>(null);
  states = $state.raw<Tensor | null>(null);
  inputs = $state.raw<Tensor | null>(null);
  wh = $state.raw<Tensor | null>(null);
  wx = $state.raw<Tensor | null>(null);
  step = $state.raw<Recurrence | null>(null);
  explained = $state.raw<Explained | null>(null);
  last = $state.raw<Written | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  writing = $state(false);
  #opening = 0;

  network = $derived(address.get("network") ?? "rnn-names");
  text = $derived(address.get("text"));
  end = $derived(number("end"));
  place = $derived(number("layer") ?? 0);
  input = $derived(address.get("input"));
  steps = $derived(this.read?.paths.length ?? 0);
  at = $derived(Math.min(number("step") ?? this.steps - 1, Math.max(0, this.steps - 1)));
  unit = $derived.by(() => {
    const asked = number("unit");
    return asked !== null && this.read && asked < this.read.hidden ? asked : (this.read?.units[0] ?? 0);
  });
  number = $derived(address.get("number"));
  temperature = $derived(Math.min(2, Math.max(0.1, Number(address.get("temperature") ?? 0.7) || 0.7)));
  seed = $derived(number("seed") ?? 0);
  drawn = $derived(number("drawn") ?? 0);
  #wanted = $derived(JSON.stringify([this.network, this.text, this.end, this.place, this.input]));

  constructor() {
    $effect(() => link.onReopen(() => this.#open()));
    $effect(() => {
      void this.#wanted;
      untrack(() => this.#open());
    });
    $effect(() => {
      const { read, at, unit } = this;
      if (read && at >= 0) untrack(() => this.#step(read.source, at, unit));
    });
    $effect(() => {
      const { read, number } = this;
      if (read && number) untrack(() => this.#explain(`${read.source}#${number}@value`));
      else untrack(() => (this.explained = null));
    });
  }

  #open(): void {
    const { network, text, end, place, input } = this;
    this.busy = true;
    const asked = { type: "open_unrolled", network, text, end, place, input } as const;
    this.#opening = link.ask(asked, (answer, tensors) => {
      if (answer.request !== this.#opening) return;
      if (answer.type === "unrolled") {
        const [states, ...rest] = tensors;
        this.wx = rest.pop() ?? null;
        this.wh = rest.pop() ?? null;
        this.inputs = rest.pop() ?? null;
        this.states = states ?? null;
        this.read = answer;
        this.failure = null;
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
  }

  #step(source: string, step: number, unit: number): void {
    link.ask({ type: "open_recurrence", source, step, unit, place: this.place }, (answer) => {
      if (answer.type === "recurrence" && this.at === step && this.unit === unit) this.step = answer;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #explain(ref: string): void {
    link.ask({ type: "explain_number", ref, limit: TERMS, view: "page" }, (answer) => {
      if (answer.type === "explained") this.explained = answer;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  change(network: string): void {
    this.last = null;
    address.set({
      network,
      text: null,
      end: null,
      step: null,
      unit: null,
      number: null,
      layer: null,
      drawn: null,
    });
  }

  type(text: string): void {
    this.last = null;
    address.set({ text, step: null, number: null, drawn: null });
  }

  show(step: number, unit = this.unit): void {
    address.set({ step: String(step), unit: String(unit), number: null }, false);
  }

  move(by: number): void {
    this.show(Math.max(0, Math.min(this.steps - 1, this.at + by)));
  }

  other(by: number): void {
    if (!this.read) return;
    const { units } = this.read;
    this.show(this.at, units[(units.indexOf(this.unit) + by + units.length) % units.length]);
  }

  follow(ref: string): void {
    const found = parse(ref);
    if (found)
      address.set({ number: `${found.path}${found.index.length ? `[${found.index.join(",")}]` : ""}` });
  }

  /** Draw one more character; `then` hears whether there was one. */
  write(then?: (well: boolean) => void): void {
    const { read, temperature, seed } = this;
    if (!read?.writes || this.writing || this.busy) return then?.(false);
    this.writing = true;
    link.ask({ type: "write_on", source: read.source, temperature, seed }, (answer) => {
      if (answer.type === "written") {
        this.last = answer;
        const text = (this.text ?? read.text) + answer.text;
        address.set({ text, drawn: String(this.drawn + 1), number: null, step: null }, false);
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") {
        this.writing = false;
        then?.(answer.type === "done");
      }
    });
  }

  unwrite(): void {
    if (this.drawn < 1) return;
    this.last = null;
    const shorter = [...(this.text ?? "")].slice(0, -1).join("");
    const left = this.drawn - 1;
    address.set({ text: shorter, drawn: left ? String(left) : null, number: null, step: null }, false);
  }
}
