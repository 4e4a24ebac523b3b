/** What the page of an LSTM knows: the text as it was read, the open step, the open number, what units respond to. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type {
  Explained,
  Failure,
  NetworkCard,
  Places,
  Reading,
  Step,
  Switch,
  Units,
  Written,
} from "../../lib/messages";
import { parse } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";

export type Gate = Switch["gate"];
const TERMS = 6;
const HELD = /^(?:(\d+)\.)?(\d+)(forget|input|output)(open|shut)$/;
const CLEAR = 1; // deviations from which on a unit belongs to a pattern

/** `435forgetopen 1.12outputshut`, as it stands in the address; 1. is the second layer. */
export const readSwitches = (words: string | null): Switch[] =>
  (words ?? "").split(" ").flatMap((word) => {
    const found = HELD.exec(word);
    if (!found) return [];
    const [, place, unit, gate, to] = found;
    return [{ unit: Number(unit), gate: gate as Gate, open: to === "open", place: Number(place ?? 0) }];
  });
const written = (switches: Switch[]): string | null =>
  switches
    .map((one) => `${one.place ? `${one.place}.` : ""}${one.unit}${one.gate}${one.open ? "open" : "shut"}`)
    .join(" ") || null;

export class LstmState {
  networks = $state.raw<NetworkCard[]>([]);
  reading = $state.raw<Reading | null>(null);
  bands = $state.raw(new Map<string, Tensor>());
  step = $state.raw<Step | null>(null);
  explained = $state.raw<Explained | null>(null);
  units = $state.raw<Units | null>(null);
  places = $state.raw<Places | null>(null);
  last = $state.raw<Written | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  searching = $state(false);
  writing = $state(false);
  #opening = 0;

  /** Those that were made for this page first. */
  readers = $derived([
    ...this.networks.filter((one) => one.page === "lstm"),
    ...this.networks.filter((one) => one.recurrent === "lstm" && one.page !== "lstm"),
  ]);
  network = $derived(address.get("network") ?? this.readers[0]?.name ?? null);
  text = $derived(address.get("text"));
  /** Which layer and direction, in PyTorch's order. */
  place = $derived(number(address.get("layer")) ?? 0);
  input = $derived(address.get("input"));
  switches = $derived(readSwitches(address.get("held")));
  unit = $derived(number(address.get("unit")));
  open = $derived(number(address.get("step")));
  at = $derived(address.get("at"));
  temperature = $derived(Math.min(2, Math.max(0.1, Number(address.get("temperature") ?? 0.7) || 0.7)));
  seed = $derived(number(address.get("seed")) ?? 0);
  /** How many characters at the end of the text were drawn here. */
  drawn = $derived(number(address.get("drawn")) ?? 0);
  stretch = $derived.by((): [number, number] | null => {
    const found = /^(\d+)-(\d+)$/.exec(address.get("stretch") ?? "");
    return found ? [Number(found[1]), Number(found[2])] : null;
  });
  characters = $derived(this.reading?.labels ?? []);
  at_step = $derived(
    this.open === null || !this.reading ? null : Math.min(this.open, this.reading.bands[0]!.paths.length - 1),
  );
  chosen = $derived(this.unit ?? this.reading?.unit ?? 0);
  #wanted = $derived(
    JSON.stringify([this.network, this.text, this.switches, this.unit, this.place, this.input]),
  );

  constructor() {
    const all = (): void => {
      this.#list();
      this.#read();
    };
    $effect(() => link.onReopen(all));
    this.#list();
    $effect(() => {
      void this.#wanted;
      if (this.network) untrack(() => this.#read());
    });
    $effect(() => {
      const { reading, at_step, chosen } = this;
      if (reading && at_step !== null) untrack(() => this.#step(reading.source, at_step, chosen));
      else untrack(() => (this.step = null));
    });
    $effect(() => {
      const { reading, at } = this;
      if (reading && at) untrack(() => this.#explain(`${reading.source}#${at}@value`));
      else untrack(() => (this.explained = null));
    });
    $effect(() => {
      const { reading, stretch } = this;
      if (reading && stretch) untrack(() => this.#units(reading.source, stretch));
      else
        untrack(() => {
          this.units = null;
          this.places = null;
        });
    });
  }

  #list(): void {
    link.ask({ type: "list_networks" }, (answer) => {
      if (answer.type === "networks") this.networks = answer.networks;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #read(): void {
    const { network, text, switches, unit, place, input } = this;
    if (!network) return;
    this.busy = true;
    const asked = { type: "open_reading", network, text, switches, unit, place, input } as const;
    this.#opening = link.ask(asked, (answer, tensors) => {
      if (answer.request !== this.#opening) return;
      if (answer.type === "reading") {
        this.bands = new Map(answer.bands.map((band, i) => [band.name, tensors[i]!]));
        this.reading = answer;
        this.failure = null;
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
  }

  #step(source: string, step: number, unit: number): void {
    link.ask({ type: "open_step", source, step, unit, place: this.place }, (answer) => {
      if (answer.type === "step" && this.at_step === step && this.chosen === unit) this.step = answer;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #explain(ref: string): void {
    link.ask({ type: "explain_number", ref, limit: TERMS, view: "page" }, (answer) => {
      if (answer.type === "explained") this.explained = answer;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #units(source: string, [begin, end]: [number, number]): void {
    link.ask({ type: "find_units", source, begin, end, place: this.place }, (answer) => {
      if (answer.type !== "units") return;
      this.units = answer;
      const told = answer.units.map(({ unit, lift }) => ({ code: lift.value > 0 ? unit : -1 - unit, lift }));
      const clear = told.filter(({ lift }, i) => i === 0 || Math.abs(lift.value) >= CLEAR);
      this.look(clear.map(({ code }) => code));
    });
  }

  /** Where else these units are on (or off: -1 - unit) together for as long, in the text and in the book. */
  look(units: number[]): void {
    const { reading, stretch, place } = this;
    if (!reading || !stretch || !units.length) return;
    const [begin, end] = stretch;
    this.searching = true;
    const asked = { type: "find_places", source: reading.source, begin, end, units, place } as const;
    link.ask(asked, (answer) => {
      if (answer.type === "places") this.places = answer;
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.searching = false;
    });
  }

  /** Draw one more character; `then` hears whether there was one. */
  write(then?: (well: boolean) => void): void {
    const { reading, temperature, seed } = this;
    if (!reading || this.writing || this.busy) return then?.(false);
    this.writing = true;
    link.ask({ type: "write_on", source: reading.source, temperature, seed }, (answer) => {
      if (answer.type === "written") {
        this.last = answer;
        const text = (this.text ?? reading.text) + answer.text;
        address.set({ text, drawn: String(this.drawn + 1), at: null, step: null }, false);
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") {
        this.writing = false;
        then?.(answer.type === "done");
      }
    });
  }

  /** Take the last drawn character back. */
  unwrite(): void {
    const text = this.text ?? this.reading?.text ?? "";
    if (this.drawn < 1) return;
    this.last = null;
    const left = this.drawn - 1;
    const shorter = [...text].slice(0, -1).join("");
    address.set({ text: shorter, drawn: left ? String(left) : null, at: null, step: null }, false);
  }

  type(text: string): void {
    this.last = null;
    address.set({ text, drawn: null, at: null, step: null, stretch: null });
  }

  change(network: string): void {
    this.last = null;
    address.set({
      network,
      text: null,
      at: null,
      unit: null,
      step: null,
      stretch: null,
      held: null,
      drawn: null,
      layer: null,
    });
  }

  toLayer(place: number): void {
    address.set({ layer: place ? String(place) : null, at: null, unit: null, stretch: null });
  }

  show(step: number | null, unit: number = this.chosen, kept = true): void {
    const changes: Record<string, string | null> = { step: step === null ? null : String(step) };
    if (step === null) changes.at = null;
    if (unit !== this.chosen) changes.unit = String(unit);
    address.set(changes, kept);
  }

  move(by: number): void {
    const last = (this.reading?.bands[0]?.paths.length ?? 1) - 1;
    const from = this.at_step ?? (by > 0 ? -1 : last + 1);
    this.show(Math.min(last, Math.max(0, from + by)), this.chosen, false);
  }

  follow(ref: string): void {
    const found = parse(ref);
    if (found) address.set({ at: `${found.path}${found.index.length ? `[${found.index.join(",")}]` : ""}` });
  }

  /** Hold a gate of the chosen unit, or let it go again. */
  hold(gate: Gate, open: boolean | null): void {
    const { place, chosen } = this;
    const others = this.switches.filter(
      (one) => one.unit !== chosen || one.gate !== gate || one.place !== place,
    );
    const now = open === null ? others : [...others, { unit: chosen, gate, open, place }];
    address.set({ held: written(now), unit: String(this.chosen), at: null });
  }

  letGo(): void {
    address.set({ held: null, at: null });
  }

  select(begin: number, end: number): void {
    address.set({ stretch: `${Math.min(begin, end)}-${Math.max(begin, end) + 1}` });
  }
}

function number(words: string | null): number | null {
  return words !== null && /^\d{1,6}$/.test(words) ? Number(words) : null;
}
