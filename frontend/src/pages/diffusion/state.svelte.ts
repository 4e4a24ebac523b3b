/** What the page of text to image knows: the run that the address names, its steps as they come, and what is opened of them. */
import { untrack } from "svelte";
import { upload, type Refusal } from "../../chrome/input/upload";
import type { Place } from "../../figures/latent/mosaic";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type {
  DecoderOpened,
  Failure,
  How,
  LayerShown,
  MomentOpened,
  Near,
  Noising,
  PathsCompared,
  PictureMade,
  TextToImageModel,
} from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { Run } from "./run.svelte";
import { settingsOf, whole, number, type Settings } from "./settings";

export const WORDS = ["red heart", "cat face"];
export const GUIDANCES = [0, 1, 3, 7];
const DRAWN = 13;
/** A run that takes longer is not made again on its own with other settings. */
const QUICK = 6;
const PACE = 320;
const MOMENTS = 64;

export interface Variant {
  key: string;
  /** What is other than in the run. */
  changes: Partial<Settings>;
  made: { answer: PictureMade; picture: Tensor } | null;
}

type Opened<A> = { answer: A; tensors: Tensor[] };

export const VIEWS = ["denoising", "training", "scores"] as const;
type View = (typeof VIEWS)[number];

export class DiffusionState {
  models = $state.raw<TextToImageModel[]>([]);
  samplers = $state.raw<string[]>([]);
  samples = $state.raw<string[]>([]);
  thumbnails = $state.raw<Tensor | null>(null);
  run = $state.raw(new Run());
  beside = $state.raw<Run | null>(null);
  moments = $state.raw(new Map<string, Opened<MomentOpened>>());
  decoder = $state.raw<Opened<DecoderOpened> | null>(null);
  near = $state.raw<Opened<Near> | null>(null);
  paths = $state.raw<Opened<PathsCompared> | null>(null);
  noising = $state.raw<Opened<Noising> | null>(null);
  variants = $state.raw<Variant[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** What of a step could not be opened. */
  partly = $state.raw<Failure | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  listed = $state(false);
  playing = $state(false);
  backward = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  model = $derived(address.get("network") ?? this.models[0]?.name ?? null);
  how = $derived(settingsOf((name) => address.get(name)));
  /** How the run beside it is made: what is other than here. */
  other = $derived.by((): Partial<Settings> | null => {
    const told = address.get("beside");
    if (told === null) return null;
    const values = Object.fromEntries(new URLSearchParams(told));
    const found: Partial<Settings> = {};
    if ("prompt" in values) found.prompt = values.prompt!;
    if ("seed" in values) found.seed = whole(values.seed!, 0);
    if ("guidance" in values) found.guidance = number(values.guidance!, 3);
    if ("sampler" in values) found.sampler = values.sampler!;
    return found;
  });
  view = $derived(VIEWS.find((one) => one === address.get("view")) ?? "denoising");
  training = $derived(this.view === "training");
  half = $derived<"with" | "without">(address.get("half") === "without" ? "without" : "with");
  layer = $derived(whole(address.get("layer"), -1));
  head = $derived(whole(address.get("head"), -1));
  picture = $derived(address.get("picture") ?? this.samples[0] ?? null);
  time = $derived(Math.min(whole(address.get("time"), 500), (this.run.began?.answer.times ?? 1000) - 1));
  /** The step that the clock shows. */
  at = $derived.by(() => {
    const { first, reached, last } = this.run;
    const asked = address.get("at");
    const early = first + Math.round((last - first) / 6);
    return Math.max(first, Math.min(reached, asked === null ? early : whole(asked, early)));
  });
  stepped = $derived(this.run.of(this.at));
  /** The number that the cards follow. */
  place = $derived.by((): Place => {
    const [channels = 1, rows = 1, columns = 1] = this.run.began?.answer.latent ?? [];
    const told = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/.exec(address.get("number") ?? "");
    const [c, r, k] = told ? told.slice(1).map(Number) : [0, Math.floor(rows / 2), Math.floor(columns / 2)];
    return [Math.min(c!, channels - 1), Math.min(r!, rows - 1), Math.min(k!, columns - 1)];
  });
  #momentKey = $derived(
    `${this.run.began?.answer.source} ${this.at} ${this.half} ${this.layer} ${this.head}`,
  );
  moment = $derived(this.moments.get(this.#momentKey) ?? null);
  /** While the step's own is on its way, the last that was there. */
  #latest = $state.raw<Opened<MomentOpened> | null>(null);
  shownMoment = $derived(this.moment ?? this.#latest);
  busy = $derived(this.run.busy || (this.beside?.busy ?? false));

  #wanted = $derived(JSON.stringify([this.model, this.how]));
  #wantedBeside = $derived(JSON.stringify(this.other));

  constructor() {
    $effect(() =>
      link.onReopen(() => {
        this.#list();
        if (this.model) this.#begin();
      }),
    );
    this.#list();
    $effect(() => {
      void this.#wanted;
      if (this.model && this.listed) untrack(() => this.#begin());
    });
    $effect(() => {
      const { ended } = this.run;
      void this.#wantedBeside;
      if (ended) untrack(() => this.#compare());
    });
    $effect(() => {
      const key = this.#momentKey;
      if (this.stepped && (this.run.ended || this.run.stopped) && this.view === "denoising")
        untrack(() => this.#openMoment(key));
    });
    $effect(() => {
      const { at } = this;
      if (this.run.ended && this.view === "denoising") untrack(() => this.#openDecoder(at));
    });
    $effect(() => {
      const asked = [
        this.training,
        this.picture,
        this.time,
        this.how.prompt,
        this.how.seed,
        this.model,
      ] as const;
      if (asked[0] && asked[1] && asked[5] && this.listed) untrack(() => this.#openNoising());
    });
    $effect(() => () => clearTimeout(this.#timer));
  }

  #list(): void {
    link.ask({ type: "list_text_to_image" }, (answer, tensors) => {
      if (answer.type === "text_to_image_models") {
        this.models = answer.models;
        this.samplers = answer.samplers;
        this.samples = answer.samples;
        this.thumbnails = tensors[0] ?? null;
        this.listed = true;
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #begin(): void {
    const run = new Run();
    this.run = run;
    this.moments = new Map();
    this.#latest = this.decoder = this.near = this.paths = null;
    this.variants = [];
    this.beside = null;
    this.failure = this.partly = null;
    const current = (): boolean => this.run === run;
    this.#follow(
      run,
      this.how,
      "page",
      (answer) => current() && (this.failure = answer),
      () => current() && this.#after(run),
    );
  }

  #follow(run: Run, how: How, view: string, failed: (answer: Failure) => unknown, then: () => unknown): void {
    run.busy = true;
    run.request = link.ask(
      { type: "imagine_on", model: this.model!, how, drawn: DRAWN, view },
      (answer, tensors) => {
        const named = new Map(tensors.map((one) => [pathOf(one.ref), one]));
        if (answer.type === "imagined") run.began = { answer, tensors: named };
        if (answer.type === "imagine_step") run.take({ answer, tensors: named });
        else run.flush();
        if (answer.type === "imagine_ended") run.ended = { answer, picture: tensors[0]! };
        if (answer.type === "failure") failed(answer);
        if (answer.type === "failure" || answer.type === "done") run.busy = false;
        if (answer.type === "done") then();
      },
    );
  }

  /** Stop where it is; the steps that were made stay. */
  cancel(): void {
    for (const run of [this.run, this.beside]) {
      if (!run?.busy) continue;
      link.cancel(run.request);
      run.flush();
      run.busy = false;
      run.stopped = true;
    }
  }

  /** What is asked for when a run is there: what lies near, and how it would be with other settings. */
  #after(run: Run): void {
    const source = run.began!.answer.source;
    if (run.began!.answer.compares) {
      link.ask({ type: "find_near", source, other: "" }, (answer, tensors) => {
        if (answer.type === "near" && this.run === run) this.near = { answer, tensors };
        if (answer.type === "failure") this.partly = answer;
      });
    }
    const { how } = this;
    if (run.ended!.answer.seconds > QUICK) return;
    const others: Partial<Settings>[] = [
      ...GUIDANCES.filter((one) => one !== how.guidance).map((guidance) => ({ guidance })),
      ...WORDS.filter((one) => one !== how.prompt).map((prompt) => ({ prompt })),
    ];
    this.variants = others.map((changes) => ({ key: JSON.stringify(changes), changes, made: null }));
    this.#vary(run, 0);
  }

  #vary(run: Run, index: number): void {
    const variant = this.variants[index];
    if (!variant || this.run !== run) return;
    const how = { ...this.how, ...variant.changes };
    link.ask({ type: "make_picture", model: this.model!, how, view: "variant" }, (answer, tensors) => {
      if (this.run !== run) return;
      if (answer.type === "picture_made") {
        const made = { answer, picture: tensors[0]! };
        this.variants = this.variants.map((one, i) => (i === index ? { ...one, made } : one));
      }
      if (answer.type === "done" || answer.type === "failure") this.#vary(run, index + 1);
    });
  }

  #openMoment(key: string): void {
    const run = this.run;
    if (this.moments.has(key)) {
      this.#latest = this.moments.get(key)!;
      return;
    }
    const { at: step, half, layer, head } = this;
    const source = run.began!.answer.source;
    link.ask({ type: "open_moment", source, step, half, layer, head }, (answer, tensors) => {
      if (this.run !== run) return;
      if (answer.type === "moment_opened") {
        const kept = [...this.moments].slice(-MOMENTS);
        const opened = { answer, tensors };
        this.moments = new Map([...kept, [key, opened]]);
        this.#latest = opened;
        this.partly = null;
      }
      if (answer.type === "failure") this.partly = answer;
    });
  }

  #openDecoder(step: number): void {
    const run = this.run;
    link.ask({ type: "open_decoder", source: run.began!.answer.source, step }, (answer, tensors) => {
      if (answer.type === "decoder_opened" && this.run === run) this.decoder = { answer, tensors };
    });
  }

  #compare(): void {
    const { run, other } = this;
    this.paths = null;
    if (!other) {
      this.beside = null;
      return;
    }
    const beside = new Run();
    this.beside = beside;
    const source = run.began!.answer.source;
    const failed = (answer: Failure): void => void (this.partly = answer);
    this.#follow(beside, { ...this.how, ...other }, "beside", failed, () => {
      if (this.beside !== beside) return;
      const pair = { source, other: beside.began!.answer.source };
      link.ask({ type: "compare_paths", ...pair }, (answer, tensors) => {
        if (answer.type === "paths_compared" && this.beside === beside) this.paths = { answer, tensors };
        if (answer.type === "failure") failed(answer);
      });
      if (!run.began!.answer.compares) return;
      link.ask({ type: "find_near", ...pair }, (answer, tensors) => {
        if (answer.type === "near" && this.beside === beside) this.near = { answer, tensors };
      });
    });
  }

  #openNoising(): void {
    const { picture, time, how } = this;
    const question = { picture: picture!, prompt: how.prompt, seed: how.seed, time };
    link.ask({ type: "open_noising", model: this.model!, ...question }, (answer, tensors) => {
      if (answer.type === "noising") this.noising = { answer, tensors };
      if (answer.type === "failure") this.partly = answer;
    });
  }

  /** The denoiser's own run at the step, as a graph with every operation, at a layer or at a number of its answer. */
  openStep(half: "with" | "without", layer: LayerShown | null = null, place: Place | null = null): void {
    const source = this.run.began!.answer.source;
    link.ask({ type: "open_moment", source, step: this.at, half, layer: -1, head: -1 }, (answer) => {
      if (answer.type === "moment_opened")
        address.go(
          "open",
          opening(answer, layer ? inside(layer) : place ? `conv_out[0,${place.join(",")}]` : null),
        );
      if (answer.type === "failure") this.partly = answer;
    });
  }

  /** The decoder's run at the step, at a layer. */
  openDecoding(layer: LayerShown): void {
    if (this.decoder) address.go("open", opening(this.decoder.answer, inside(layer)));
  }

  /** The picture that one gets by stopping at a step. */
  pictureAt(step: number): Tensor | null {
    const own = this.run.tensor(step, "picture");
    if (own) return own;
    const opened = this.shownMoment;
    return opened?.answer.step === step ? (opened.tensors.at(-1) ?? null) : null;
  }

  go(step: number): void {
    const { first, reached } = this.run;
    address.set({ at: String(Math.max(first, Math.min(reached, step))) }, false);
  }

  play(): void {
    this.playing = !this.playing;
    clearTimeout(this.#timer);
    if (!this.playing) return;
    if (this.at >= this.run.reached) this.go(this.run.first);
    const next = (): void => {
      if (!this.playing) return;
      if (this.at >= this.run.reached) {
        this.playing = false;
        return;
      }
      this.go(this.at + 1);
      this.#timer = setTimeout(next, PACE);
    };
    this.#timer = setTimeout(next, PACE);
  }

  choose(place: Place): void {
    address.set({ number: place.join(".") }, false);
  }

  set(changes: Partial<Settings>): void {
    this.playing = false;
    const usual: Record<string, string> = { negative: "", start: "", mask: "" };
    const values = Object.entries(changes).map(([name, value]) => [
      name,
      String(value) === (usual[name] ?? null) ? null : String(value),
    ]);
    address.set({ ...(Object.fromEntries(values) as Record<string, string | null>), at: null });
  }

  /** Another prompt from the same noise, step by step. */
  show(prompt: string): void {
    this.playing = false;
    address.set({ prompt, view: null, at: null }); // at once: the way back leads to where it was pressed
  }

  turn(view: View): void {
    address.set({ view: view === "denoising" ? null : view });
  }

  async give(file: Blob | null | undefined): Promise<void> {
    if (!file) return;
    const answer = await upload(file);
    if ("refusal" in answer) {
      this.refusal = answer.refusal;
      return;
    }
    this.refusal = null;
    if (this.training) address.set({ picture: `upload:${answer.id}` });
    else this.set({ start: `upload:${answer.id}`, mask: "" });
  }

  /** What does the same in a terminal. */
  get command(): string {
    const { prompt, negative, seed, steps, guidance, sampler } = this.how;
    const quoted = (words: string): string => `'${words.replaceAll("'", "'\\''")}'`;
    const more = negative ? ` --negative ${quoted(negative)}` : "";
    return `glasswork imagine ${quoted(prompt)}${more} --seed ${seed} --steps ${steps} --guidance ${guidance} --sampler ${sampler}`;
  }
}

/** A number in the middle of the channel that a layer is shown by. */
const inside = (layer: LayerShown): string =>
  `${layer.path}[0,${layer.channel},${Math.floor(layer.rows / 2)},${Math.floor(layer.columns / 2)}]`;

const opening = (
  { network, run }: { network: string; run: string },
  at: string | null,
): Record<string, string> => ({ network, input: run, ...(at ? { at } : {}) });

const pathOf = (ref: string): string => ref.slice(ref.indexOf("#") + 1, ref.lastIndexOf("@"));
