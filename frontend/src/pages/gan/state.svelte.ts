/** What the laboratory knows: its runs as the address names them, where each stands, and how it came there. */
import { untrack } from "svelte";
import type { Refusal } from "../../chrome/input/upload";
import { upload } from "../../chrome/input/upload";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Failure, LabMeasured, LabShown, LabSlowed } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { written } from "../perceptron/layers";
import { FIRST, labOf, MOST_BESIDE, packed, ROLES, unpacked, valuesOf, type Lab, type Role } from "./lab";
import { readPoints } from "./points";

const FRAME = 20; // milliseconds of training for each picture
export const FAR = 500_000;
const SCRUB = 8000;
const INSIDE = 120; // milliseconds between two looks into the players while it plays; the plane moves with every picture
const MEASURE = 900; // milliseconds between two measurements while it plays
const GIVEN = "glasswork-density";
export const STAGES = [
  "noise",
  "generate",
  "judge",
  "loss",
  "gradient",
  "update",
  "fool",
  "through",
  "into",
  "learn",
] as const;
export const LAYERS = ["belief", "real", "made", "push", "manifold"] as const;
export type Layer = (typeof LAYERS)[number];

/** One run: what it is, and where it stands. */
export class Lane {
  shown = $state.raw<LabShown | null>(null);
  tensors = $state.raw(new Map<string, Tensor>());
  /** The last answer that looked into the players and told their course: while it plays, of some pictures before. */
  whole = $state.raw<LabShown | null>(null);
  inside = $state.raw(new Map<string, Tensor>());
  lab: Lab;
  furthest = $state(0);
  constructor(lab: Lab) {
    this.lab = lab;
  }

  of(path: string, what = "value"): Tensor | undefined {
    return this.tensors.get(`${path}@${what}`);
  }

  take(answer: LabShown, tensors: Tensor[], whole: boolean): void {
    this.tensors = new Map(tensors.map((one) => [one.ref.slice(one.ref.indexOf("#") + 1), one]));
    this.shown = answer;
    if (whole) [this.whole, this.inside] = [answer, this.tensors];
    this.furthest = Math.max(this.furthest, answer.step);
  }
}

export class GanState {
  playing = $state(false);
  failure = $state.raw<Failure | Refusal | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  busy = $state(false);
  note = $state("");
  backward = false;
  /** Drawing by hand: what was drawn so far, in the unit square. */
  pen = $state(false);
  drawn = $state.raw<number[][]>([]);
  measured = $state.raw<LabMeasured | null>(null);
  slow = $state.raw<LabSlowed | null>(null);
  /** Frames, and steps, in the second that has passed. */
  rate = $state(0);
  pace = $state(0);
  #frames: { at: number; step: number }[] = [];
  #asked = 0;
  /** The step in the address that this page has put there, or gone to. */
  #at: string | null = null;
  #insideAt = 0;
  #measuredAt = 0;

  #named = $derived(JSON.stringify([labOf(address.values), ...unpacked(address.get("beside"))]));
  #all = $derived(JSON.parse(this.#named) as Lab[]);
  lab = $derived(this.#all[0]!);
  beside = $derived(this.#all.slice(1));
  lanes = $state.raw<Lane[]>([]);
  main = $derived(this.lanes[0] ?? null);
  step = $derived(this.main?.shown?.step ?? 0);
  /** Which layers of the plane are drawn. */
  layers = $derived((address.get("layers") ?? "belief,real,made,push").split(","));
  stage = $derived.by(() => {
    const at = address.get("stage");
    return at === null ? null : Math.min(STAGES.length - 1, Math.max(0, Number(at) || 0));
  });
  sample = $derived(Math.max(0, Number(address.get("sample") ?? 0) || 0));
  weight = $derived.by((): { actor: Role; layer: number; unit: number; source: number } => {
    const [actor, layer, unit, source] = (address.get("weight") ?? "generator,1,0,0").split(",");
    return {
      actor: actor === "discriminator" ? "discriminator" : "generator",
      layer: Number(layer) || 1,
      unit: Number(unit) || 0,
      source: Number(source) || 0,
    };
  });

  constructor() {
    $effect(() => {
      const all = this.#all;
      untrack(() => this.#attend(all));
    });
    $effect(() => {
      const asked = [this.stage, this.sample, this.weight, this.main?.shown?.source];
      untrack(() => (asked[0] === null ? (this.slow = null) : this.#slowly()));
    });
    $effect(() => {
      const at = address.get("at");
      untrack(() => this.#follow(at));
    });
    $effect(() => link.onReopen(() => this.#ask(this.step, SCRUB)));
    $effect(() => () => (this.playing = false));
  }

  /** Lanes stay with their run while only steps of one player alone are added. */
  #attend(all: Lab[]): void {
    const same = (one: Lab, other: Lab): boolean =>
      JSON.stringify({ ...one, acts: [] }) === JSON.stringify({ ...other, acts: [] });
    const before = this.lanes;
    const anew = !before[0] || !same(before[0].lab, all[0]!);
    this.lanes = all.map((one, i) => {
      const lane = before[i] && same(before[i]!.lab, one) ? before[i]! : new Lane(one);
      lane.lab = one;
      return lane;
    });
    this.#at = address.get("at");
    const wanted = Number(this.#at ?? (anew ? 0 : this.step));
    if (anew) this.measured = null;
    this.#ask(Number.isFinite(wanted) ? wanted : 0, this.playing ? FRAME : SCRUB);
  }

  /** The address names another step of the same run: a lesson leads there, or the way back does. */
  #follow(at: string | null): void {
    if (at === null || at === this.#at) return;
    this.#at = at;
    const step = Number(at);
    if (!Number.isFinite(step) || step === this.step) return;
    this.playing = false;
    this.#ask(Math.max(0, Math.min(FAR, step)), SCRUB);
  }

  #note(step: number): void {
    this.#at = step ? String(step) : null;
    address.set({ at: this.#at }, false);
  }

  /** Show every run at a step, or on the way to it; then, while it plays, go on. */
  #ask(step: number, milliseconds: number): void {
    const turn = ++this.#asked;
    this.busy = milliseconds > 1000;
    const lanes = this.lanes;
    let left = lanes.length;
    const goesOn = (): boolean => this.playing && turn === this.#asked;
    const after = (): void => {
      if (--left > 0 || turn !== this.#asked) return;
      this.busy = false;
      const main = lanes[0]!;
      if (this.playing) this.#ask(FAR, FRAME);
      else if (main.shown !== main.whole) this.#rest();
      else this.#measure();
    };
    const alone = (): void => {
      if (lanes.length === 1 && goesOn()) this.#ask(FAR, FRAME);
    };
    const share = milliseconds < 1000 ? Math.max(5, milliseconds / lanes.length) : milliseconds;
    const rest = (): void => {
      const at = lanes[0]!.shown?.step ?? 0;
      lanes.slice(1).forEach((lane, i) => this.#show(lane, i + 1, at, SCRUB, after));
      after();
    };
    this.#show(lanes[0]!, 0, step, share, rest, alone);
  }

  /** `first` is called before an answer is drawn: what it asks for is trained meanwhile. */
  #show(
    lane: Lane,
    place: number,
    step: number,
    milliseconds: number,
    then: () => void,
    first = (): void => {},
  ): void {
    const lab = lane.lab;
    const whole = place === 0 && (!this.playing || performance.now() - this.#insideAt > INSIDE);
    if (whole) this.#insideAt = performance.now();
    link.ask({ type: "lab_on", lab, step, milliseconds, whole, view: `lane ${place}` }, (answer, tensors) => {
      if (answer.type === "lab_shown" && lane.lab === lab) {
        if (place === 0 && (answer.exploded || answer.step >= FAR)) this.playing = false;
        first();
        lane.take(answer, tensors, whole);
        this.failure = null;
        if (place === 0) this.#count(answer.step);
        if (this.playing && performance.now() - this.#measuredAt > MEASURE) this.#measure();
      }
      if (answer.type === "failure") {
        this.playing = false;
        this.busy = false;
        if (lab.data.startsWith("given:") && this.#giveAgain()) return;
        this.failure = answer;
      }
      if (answer.type === "done") then();
    });
  }

  /** It has come to a halt: where, and all that it is there. */
  #rest(): void {
    if (address.get("at") !== null) this.#note(this.step);
    this.#ask(this.step, SCRUB);
  }

  #measure(): void {
    const lane = this.main;
    const step = lane?.shown?.step;
    if (!lane || step === undefined) return;
    this.#measuredAt = performance.now();
    link.ask({ type: "measure_lab", lab: lane.lab, step, view: "page" }, (answer) => {
      if (answer.type === "lab_measured" && this.main === lane) this.measured = answer;
    });
  }

  #slowly(): void {
    const shown = this.main?.shown;
    if (!shown || this.playing || this.stage === null) return;
    const ask = {
      lab: this.main!.lab,
      step: shown.step,
      sample: this.sample,
      stage: this.stage,
      ...this.weight,
    };
    link.ask({ type: "slow_lab", ...ask }, (answer) => {
      if (answer.type === "lab_slowed") this.slow = answer;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #count(step: number): void {
    const now = performance.now();
    this.#frames = [...this.#frames.filter(({ at }) => now - at < 1000), { at: now, step }];
    this.rate = this.#frames.length;
    this.pace = this.playing ? Math.max(0, step - this.#frames[0]!.step) : 0;
  }

  play(): void {
    if (this.playing) return this.halt();
    this.playing = true;
    if (this.stage !== null) address.set({ stage: null }, false);
    this.#ask(FAR, FRAME);
  }

  halt(): void {
    this.playing = false;
    this.#note(this.step);
  }

  go(step: number): void {
    this.playing = false;
    const to = Math.max(0, Math.min(FAR, step));
    this.#note(to);
    this.#ask(to, SCRUB);
  }

  /** The next step, by both or by one player alone. */
  act(actor: Role | "both"): void {
    if (actor === "both") return this.go(this.step + 1);
    this.playing = false;
    const step = this.step;
    const acts = [...this.lab.acts.filter((one) => one.step < step), { step, actor }];
    address.set({ ...valuesOf({ ...this.lab, acts }), at: String(step + 1) });
  }

  set(changes: Partial<Lab>): void {
    const next = { ...this.lab, acts: [], ...changes };
    // Trained weights fit no other layers.
    if (ROLES.some((role) => written(next[role].hidden) !== written(this.lab[role].hidden))) next.start = "";
    if (next.numbers !== this.lab.numbers) next.start = "";
    const beside = this.beside.map((one) => ({ ...one, data: next.data }));
    address.set({ ...valuesOf(next), beside: packed(beside), at: null, weight: null, sample: null });
  }

  choose(lab: Lab, beside: Lab[] = []): void {
    this.playing = false;
    address.set({
      ...valuesOf(lab),
      beside: packed(beside),
      at: null,
      stage: null,
      weight: null,
      sample: null,
    });
  }

  /** Put the present run aside, to be compared with what comes. */
  pin(): void {
    address.set({ beside: packed([{ ...this.lab }, ...this.beside].slice(0, MOST_BESIDE)) });
  }

  seeds(): void {
    const seeds = Array.from({ length: MOST_BESIDE }, (_, i) => this.lab.seed + i + 1);
    address.set({ beside: packed(seeds.map((seed) => ({ ...this.lab, acts: [], seed }))) });
  }

  alone(): void {
    address.set({ beside: null });
  }

  toggle(layer: Layer): void {
    const next = LAYERS.filter((one) => this.layers.includes(one) !== (one === layer));
    address.set({ layers: next.join(",") || "none" }, false);
  }

  /** Take something in to draw from; the address names it, and this window keeps it while it is open. */
  give(kind: string, points: number[][], input = ""): void {
    link.ask({ type: "give_density", kind, points, input }, (answer) => {
      if (answer.type === "density_given") {
        try {
          sessionStorage.setItem(`${GIVEN} ${answer.id}`, JSON.stringify([kind, points, input]));
        } catch {
          // not kept over a restart of the program, but there
        }
        this.failure = null;
        const data = `given:${answer.id}`;
        if (this.lab.data === data) this.#ask(Number(address.get("at") ?? 0), SCRUB);
        else this.set({ data });
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #giveAgain(): boolean {
    const place = `${GIVEN} ${this.lab.data.slice("given:".length)}`;
    const kept = sessionStorage.getItem(place);
    if (!kept) return false;
    sessionStorage.removeItem(place);
    const [kind, points, input] = JSON.parse(kept) as [string, number[][], string];
    this.give(kind, points, input);
    return true;
  }

  read(text: string): boolean {
    const table = readPoints(text);
    if ("refusal" in table) {
      this.refusal = table.refusal;
      return false;
    }
    this.refusal = null;
    this.note = table.rows > table.points.length ? `${table.points.length} / ${table.rows}` : "";
    this.give("points", table.points);
    return true;
  }

  async picture(file: Blob): Promise<boolean> {
    const answer = await upload(file);
    if ("refusal" in answer) {
      this.refusal = answer.refusal;
      return false;
    }
    this.refusal = null;
    this.give("picture", [], answer.id);
    return true;
  }

  useDrawing(): void {
    this.pen = false;
    if (this.drawn.length) this.give("strokes", this.drawn);
  }

  again(): void {
    this.choose(FIRST);
  }
}
