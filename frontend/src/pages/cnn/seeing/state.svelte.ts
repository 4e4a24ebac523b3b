/** What the views beside the map know: what a network says of a picture and why, and what its units look for. */
import { untrack } from "svelte";
import { PictureReader } from "../../../chrome/input/reader.svelte";
import { address } from "../../../lib/address.svelte";
import { whole } from "../../../lib/addressed";
import { link, type Listener } from "../../../lib/link.svelte";
import type {
  CamRead,
  Climbed,
  Exciting,
  Failure,
  IntegratedRead,
  OccludedRead,
  Sample,
  WhyRead,
} from "../../../lib/messages";
import type { Tensor } from "../../../lib/tensors";
import type { SeeingList } from "../../../chrome/seeing.svelte";
import type { View } from "../views";

export const BASELINES = ["black", "grey", "white"] as const;
type Baseline = (typeof BASELINES)[number];
/** Steps of an ascent. */
const STEPS = 96;

/** An answer and what came with it. */
export interface With<Kind> {
  answer: Kind;
  tensor: Tensor;
}

/** What one network says of the picture, as far as it is known. */
export interface Told {
  why: With<WhyRead>;
  cam: With<CamRead> | null;
  integrated: With<IntegratedRead> | null;
  occluded: With<OccludedRead> | null;
}

export class SeeingState extends PictureReader {
  samples = $state.raw<Sample[]>([]);
  thumbnails = $state.raw<Tensor | null>(null);
  told = $state.raw<Told | null>(null);
  beside = $state.raw<Told | null>(null);
  exciting = $state.raw<With<Exciting> | null>(null);
  climbed = $state.raw<{ answer: Climbed; picture: Tensor; course: Tensor } | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  climbing = $state(false);
  #list: () => SeeingList;
  #view: () => View;
  #asked = new Map<string, number>();

  network = $derived.by(() => address.get("network") ?? this.#list().networks[0]?.name ?? null);
  row = $derived.by(() => this.#list().networks.find((one) => one.name === this.network) ?? null);
  title = $derived(this.told?.why.answer.title ?? this.row?.title ?? "");
  input = $derived(address.get("input"));
  score = $derived(whole(address.get("score")));
  layer = $derived(address.get("layer") ?? "");
  channel = $derived(whole(address.get("channel")));
  baseline = $derived<Baseline | null>(BASELINES.find((one) => one === address.get("baseline")) ?? null);
  /** Of what a picture is made: the channel that is looked at, or a class. */
  made = $derived<"channel" | "class">(address.get("made") === "class" ? "class" : "channel");
  ofClass = $derived(whole(address.get("class")) ?? 0);
  /** The network that stands beside. */
  other = $derived.by(() => {
    const named = address.get("other");
    if (named) return named;
    const alike = this.#list().networks.filter((one) => one.here && one.name !== this.network);
    return (alike.find((one) => one.about === this.row?.about) ?? alike[0])?.name ?? null;
  });
  card = null;

  constructor(list: () => SeeingList, view: () => View) {
    super();
    this.#list = list;
    this.#view = view;
    $effect(() => link.onReopen(() => untrack(() => this.#ask())));
    $effect(() => {
      if (this.network) this.#listSamples(this.network);
    });
    $effect(() => {
      void [
        this.network,
        this.input,
        this.score,
        this.layer,
        this.baseline,
        this.channel,
        this.other,
        view(),
      ];
      untrack(() => this.#ask());
    });
    // Who leaves waits for nothing more.
    $effect(() => () => {
      for (const request of this.#asked.values()) link.cancel(request);
    });
  }

  #ask(): void {
    const { network } = this;
    if (!network) return;
    const view = this.#view();
    if (view === "units") {
      this.#cancel("why", "beside");
      this.#excite(network);
    } else {
      this.#cancel("exciting", "climb");
      this.#why(network, "why", view === "why");
      if (view === "compare" && this.other) this.#why(this.other, "beside", false);
    }
  }

  #cancel(...names: string[]): void {
    for (const name of names) if (this.#asked.has(name)) link.cancel(this.#asked.get(name)!);
  }

  #listSamples(network: string): void {
    link.ask({ type: "list_samples", network }, (answer, tensors) => {
      if (answer.type !== "samples" || network !== this.network) return;
      this.samples = answer.samples;
      this.thumbnails = tensors[0] ?? null;
    });
  }

  /** A listener that only hears the newest request of a name. */
  #listen(name: string, hear: Listener): Listener {
    return (answer, tensors) => {
      if (answer.request !== this.#asked.get(name)) return;
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = this.climbing = false;
      hear(answer, tensors);
    };
  }

  #why(network: string, name: "why" | "beside", all: boolean): void {
    this.busy = true;
    const keep = (told: Told): void => {
      if (name === "why") this.told = told;
      else this.beside = told;
    };
    const now = (): Told | null => (name === "why" ? this.told : this.beside);
    const own = name === "why";
    const listen = this.#listen(name, (answer, tensors) => {
      const tensor = tensors[0]!;
      if (answer.type === "why_read") {
        this.failure = null;
        const before = now();
        const same = before?.why.answer.source === answer.source ? before : null;
        keep({
          why: { answer, tensor },
          cam: null,
          integrated: same?.integrated?.answer.baseline === answer.baseline ? same.integrated : null,
          occluded: null,
        });
        return;
      }
      const told = now();
      if (!told) return;
      if (answer.type === "cam_read") keep({ ...told, cam: { answer, tensor } });
      if (answer.type === "integrated_read") keep({ ...told, integrated: { answer, tensor } });
      if (answer.type === "occluded_read") keep({ ...told, occluded: { answer, tensor } });
    });
    this.#asked.set(
      name,
      link.ask(
        {
          type: "open_why",
          network,
          input: this.input ?? (own ? null : (this.told?.why.answer.input ?? null)),
          score: own ? this.score : null,
          layer: own ? this.layer : "",
          baseline: this.baseline,
          all,
          view: own ? "page" : "beside",
        },
        listen,
      ),
    );
  }

  #excite(network: string): void {
    this.busy = true;
    const { layer, channel } = this;
    const listen = this.#listen("exciting", (answer, tensors) => {
      if (answer.type !== "exciting") return;
      this.failure = null;
      const before = this.exciting?.answer;
      const moved =
        before &&
        (before.network !== answer.network ||
          before.layer.path !== answer.layer.path ||
          before.channel !== answer.channel);
      if (moved && this.made === "channel") this.#forget();
      this.exciting = { answer, tensor: tensors[0]! };
    });
    this.#asked.set("exciting", link.ask({ type: "find_exciting", network, layer, channel }, listen));
  }

  #forget(): void {
    this.#cancel("climb");
    this.climbing = false;
    this.climbed = null;
  }

  /** Make a picture that what is chosen answers to most; it is seen as it becomes. */
  climb(): void {
    const { network, exciting, made } = this;
    if (!network || !exciting) return;
    this.#forget();
    this.climbing = true;
    const listen = this.#listen("climb", (answer, tensors) => {
      if (answer.type === "climbed") this.climbed = { answer, picture: tensors[0]!, course: tensors[1]! };
    });
    const of = exciting.answer;
    this.#asked.set(
      "climb",
      link.ask(
        {
          type: "climb_on",
          network,
          layer: made === "class" ? "" : of.layer.path,
          channel: made === "class" ? this.ofClass : of.channel,
          steps: STEPS,
          seed: 0,
        },
        listen,
      ),
    );
  }

  stop(): void {
    this.#cancel("climb");
    this.climbing = false;
  }

  make(what: "channel" | "class"): void {
    this.#forget();
    address.set({ made: what === "class" ? what : null }, false);
  }

  chooseClass(index: number): void {
    this.#forget();
    address.set({ class: String(index) }, false);
  }

  follow(index: number): void {
    address.set({ score: String(index) });
  }

  read(id: string, step = true): void {
    address.set({ input: `upload:${id}`, score: null }, step);
  }
}
