/** What the playground knows: its networks as the address names them, where each stands, and how it came there. */
import { untrack } from "svelte";
import { address } from "../../../lib/address.svelte";
import { link } from "../../../lib/link.svelte";
import type { Failure, Played } from "../../../lib/messages";
import type { Tensor } from "../../../lib/tensors";
import type { Refusal } from "../../../chrome/input/upload";
import { readTable } from "./csv";
import { packed, settingsOf, unpacked, valuesOf, type Settings } from "./play";

const FRAME = 10;
const FAR = 200_000;
const SCRUB = 8000;
const MOST_HISTORY = 1200;
const GIVEN = "glasswork-points";

export interface Moment {
  step: number;
  train: number;
  test: number;
}

/** One network: what it is, and where it stands. */
export class Lane {
  played = $state.raw<Played | null>(null);
  tensors = $state.raw(new Map<string, Tensor>());
  points = $state.raw<Tensor | null>(null);
  history = $state.raw<Moment[]>([]);
  settings: Settings;
  /** Of as many neurons as the one before, it looks like that one until it is known: nothing on the page vanishes. */
  constructor(settings: Settings, before?: Lane) {
    this.settings = settings;
    const form = ({ features, hidden }: Settings): string =>
      JSON.stringify([features, hidden.map(({ units }) => units)]);
    if (!before || form(before.settings) !== form(settings)) return;
    this.played = before.played;
    this.tensors = before.tensors;
    this.points = before.points;
  }

  of(name: string): Tensor | undefined {
    return this.tensors.get(`${name}@value`);
  }

  take(answer: Played, tensors: Tensor[]): void {
    this.tensors = new Map(tensors.map((one) => [one.ref.slice(one.ref.indexOf("#") + 1), one]));
    this.points = this.of("points") ?? this.points;
    this.played = answer;
    const moment = {
      step: answer.step,
      train: answer.train.value,
      test: (answer.test ?? answer.train).value,
    };
    const place = this.history.findIndex(({ step }) => step >= answer.step);
    if (place < 0) this.history = thinned([...this.history, moment]);
    else if (this.history[place]!.step > answer.step)
      this.history = [...this.history.slice(0, place), moment, ...this.history.slice(place)];
  }
}

/** Every second one of the older half, when there are too many. */
const thinned = (all: Moment[]): Moment[] =>
  all.length <= MOST_HISTORY ? all : all.filter((_, i) => i % 2 === 0 || i > all.length / 2);

export class PlaygroundState {
  playing = $state(false);
  failure = $state.raw<Failure | Refusal | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  busy = $state(false);
  note = $state("");
  backward = false;
  /** Which points are drawn by hand next: 1, 0, or none. */
  pen = $state<number | null>(null);
  drawn = $state.raw<number[][]>([]);
  /** Frames in the second that has passed. */
  rate = $state(0);
  #frames: number[] = [];
  #asked = 0;
  /** The step in the address that this page has put there, or gone to. */
  #at: string | null = null;

  /** As text, so that what stands beside in the address changes nothing here. */
  #named = $derived(JSON.stringify([settingsOf(address.values), ...unpacked(address.get("beside"))]));
  #all = $derived(JSON.parse(this.#named) as Settings[]);
  settings = $derived(this.#all[0]!);
  beside = $derived(this.#all.slice(1));
  lanes = $state.raw<Lane[]>([]);
  main = $derived(this.lanes[0] ?? null);
  step = $derived(this.main?.played?.step ?? 0);
  furthest = $derived(this.main?.history.at(-1)?.step ?? 0);
  unit = $derived.by(() => {
    const [layer, unit] = (address.get("unit") ?? "").split(",").map(Number);
    return layer && unit !== undefined ? { layer, unit } : null;
  });

  constructor() {
    $effect(() => {
      const all = this.#all;
      untrack(() => this.#attend(all));
    });
    $effect(() => {
      const at = address.get("at");
      untrack(() => this.#follow(at));
    });
    $effect(() => link.onReopen(() => this.#ask(this.step, SCRUB, true)));
    $effect(() => () => (this.playing = false));
  }

  /** Lanes stay with their network while only weights are dragged. */
  #attend(all: Settings[]): void {
    const same = (one: Settings, other: Settings): boolean =>
      JSON.stringify({ ...one, edits: [] }) === JSON.stringify({ ...other, edits: [] });
    const before = this.lanes;
    const fresh = all.some((one, i) => !before[i] || !same(before[i]!.settings, one));
    this.lanes = all.map((one, i) => {
      const lane = before[i] && same(before[i]!.settings, one) ? before[i]! : new Lane(one, before[i]);
      const edits = JSON.stringify(lane.settings.edits) !== JSON.stringify(one.edits);
      if (edits) lane.history = lane.history.filter(({ step }) => step < (one.edits.at(-1)?.step ?? 0));
      lane.settings = one;
      return lane;
    });
    this.#at = address.get("at");
    const wanted = Number(this.#at ?? (fresh ? 0 : this.step));
    this.#ask(Number.isFinite(wanted) ? wanted : 0, SCRUB, true);
  }

  /** The address names another step of the same network: a lesson leads there, or the way back does. */
  #follow(at: string | null): void {
    if (at === null || at === this.#at) return;
    this.#at = at;
    const step = Number(at);
    if (!Number.isFinite(step) || step === this.step) return;
    this.playing = false;
    this.#ask(Math.max(0, Math.min(FAR, step)), SCRUB, false);
  }

  #note(step: number): void {
    this.#at = step ? String(step) : null;
    address.set({ at: this.#at }, false);
  }

  /** Show every lane at a step, or on the way to it; then, while it plays, go on. */
  #ask(step: number, milliseconds: number, points: boolean): void {
    const turn = ++this.#asked;
    this.busy = milliseconds > 1000;
    const lanes = this.lanes;
    let left = lanes.length;
    const after = (): void => {
      if (--left > 0 || turn !== this.#asked) return;
      this.busy = false;
      if (this.playing) this.#ask(FAR, FRAME, false); // trained while this is drawn
    };
    const rest = (at: number): void => {
      lanes.slice(1).forEach((lane, i) => this.#play(lane, i + 1, at, SCRUB, points || !lane.points, after));
    };
    this.#play(
      lanes[0]!,
      0,
      step,
      milliseconds / (milliseconds < 1000 ? lanes.length : 1),
      points || !lanes[0]!.points,
      () => {
        rest(lanes[0]!.played?.step ?? 0);
        after();
      },
    );
  }

  #play(
    lane: Lane,
    place: number,
    step: number,
    milliseconds: number,
    points: boolean,
    then: () => void,
  ): void {
    const play = lane.settings;
    link.ask(
      { type: "play_on", play, step, milliseconds, points, view: `lane ${place}` },
      (answer, tensors) => {
        if (answer.type === "played" && lane.settings === play) {
          lane.take(answer, tensors);
          this.failure = null;
          if (place === 0) this.#count();
          if (answer.exploded || answer.step >= FAR) this.playing = false;
        }
        if (answer.type === "failure") {
          this.playing = false;
          this.busy = false;
          if (play.data.startsWith("given:") && this.#giveAgain()) return;
          this.failure = answer;
        }
        if (answer.type === "done") then();
      },
    );
  }

  #count(): void {
    const now = performance.now();
    this.#frames = [...this.#frames.filter((one) => now - one < 1000), now];
    this.rate = this.#frames.length;
  }

  play(): void {
    if (this.playing) return this.halt();
    this.playing = true;
    this.#ask(FAR, FRAME, false);
  }

  halt(): void {
    this.playing = false;
    this.#note(this.step);
  }

  go(step: number): void {
    this.playing = false;
    const to = Math.max(0, Math.min(FAR, step));
    this.#note(to);
    this.#ask(to, SCRUB, false);
  }

  set(changes: Partial<Settings>, step = true): void {
    const shape = "features" in changes || "hidden" in changes || "data" in changes || "seed" in changes;
    const next = { ...this.settings, ...(shape ? { edits: [] } : {}), ...changes };
    // What is compared is compared on the same points.
    const points = { data: next.data, count: next.count, test: next.test, noise: next.noise };
    const beside = this.beside.map((one) => ({ ...one, ...points }));
    const values: Record<string, string | null> = { ...valuesOf(next), beside: packed(beside) };
    if (shape || !("edits" in changes)) values["at"] = null; // another network begins anew
    if (shape) values["unit"] = null;
    address.set(values, step);
  }

  choose(settings: Settings, beside: Settings[]): void {
    this.playing = false;
    address.set({ ...valuesOf(settings), beside: packed(beside), at: null, unit: null });
  }

  /** Put the present network aside, to be compared with what comes. */
  pin(): void {
    address.set({ beside: packed([{ ...this.settings }, ...this.beside].slice(0, 2)) });
  }

  drag(layer: number, unit: number, source: number, value: number): void {
    this.playing = false;
    const step = this.step;
    const others = this.settings.edits.filter(
      (one) =>
        one.step < step ||
        (one.step === step && !(one.layer === layer && one.unit === unit && one.source === source)),
    );
    const edits = [...others, { step, layer, unit, source, value: Number(value.toFixed(4)) }];
    address.set({ ...valuesOf({ ...this.settings, edits }), at: step ? String(step) : null }, false);
  }

  /** Take points in; the address names them, and this window keeps them while it is open. */
  give(points: number[][]): void {
    link.ask({ type: "give_points", points }, (answer) => {
      if (answer.type === "points_given") {
        try {
          sessionStorage.setItem(`${GIVEN} ${answer.id}`, JSON.stringify(points));
        } catch {
          // not kept over a restart of the program, but there
        }
        this.failure = null;
        const data = `given:${answer.id}`;
        if (this.settings.data === data) this.#ask(Number(address.get("at") ?? 0), SCRUB, true);
        else this.set({ data });
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #giveAgain(): boolean {
    const kept = sessionStorage.getItem(`${GIVEN} ${this.settings.data.slice("given:".length)}`);
    if (!kept) return false;
    sessionStorage.removeItem(`${GIVEN} ${this.settings.data.slice("given:".length)}`);
    this.give(JSON.parse(kept) as number[][]);
    return true;
  }

  read(text: string): boolean {
    const table = readTable(text);
    if ("refusal" in table) {
      this.refusal = table.refusal;
      return false;
    }
    this.refusal = null;
    this.note = table.rows > table.points.length ? `${table.points.length} / ${table.rows}` : "";
    this.give(table.points);
    return true;
  }

  /** A point of the reader's hand; from four on, of both classes, they are played with. */
  dot(x: number, y: number): void {
    if (this.pen === null) return;
    this.drawn = [...this.drawn, [Number(x.toFixed(3)), Number(y.toFixed(3)), this.pen]];
    const kinds = new Set(this.drawn.map((one) => one[2]));
    if (this.drawn.length >= 4 && kinds.size === 2) this.give(this.drawn);
  }
}
