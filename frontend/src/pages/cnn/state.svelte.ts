/** What the page knows: the scene that the address names, its tensors, and the number that is open. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import { link, type Listener } from "../../lib/link.svelte";
import type { Explained, Failure, NetworkCard, Sample, Scene, Stop } from "../../lib/messages";
import { format, parse } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";
import type { Place } from "../../figures/map/Map.svelte";
import { findRanges, SCALE_MODES, type ScaleMode } from "../../figures/map/ranges";
import { PictureReader } from "../../chrome/input/reader.svelte";

/** So many scenes stay at hand: going back to one of them asks for nothing. */
const KEPT_SCENES = 12;
/** A card shows the three largest products and the bias. */
const CARD_TERMS = 4;
/** The chain rule's terms are drawn as a waterfall; the rest is one remainder. */
const SLOPE_TERMS = 10;

export class CnnState extends PictureReader {
  networks = $state.raw<NetworkCard[]>([]);
  samples = $state.raw<Sample[]>([]);
  thumbnails = $state.raw<Tensor | null>(null);
  scene = $state.raw<Scene | null>(null);
  /** The first scene of this network: its columns stand where those of all its scenes do, so nothing moves. */
  plan = $state.raw<Scene | null>(null);
  /** `path@what`, without the source. */
  tensors = $state.raw(new Map<string, Tensor>());
  /** The number that is open, and the tensors that came with its explanation; both or neither. */
  opened = $state.raw<{ explained: Explained; parts: Tensor[] } | null>(null);
  explained = $derived(this.opened?.explained ?? null);
  failure = $state.raw<Failure | null>(null);
  /** What could not be explained; the map stays. */
  cardFailure = $state.raw<Failure | null>(null);
  busy = $state(false);
  #opening = 0;
  /** What the scene that is shown was asked for with. */
  #shown = $state.raw<Asked | null>(null);
  /** The scenes seen last, by what they were asked for with; the newest is the last. */
  #kept = new Map<string, { scene: Scene; tensors: Map<string, Tensor> }>();
  /** The way from the score through the open number to the input; what was walked stays, the rest is computed. */
  trail = $state.raw<Stop[]>([]);

  #first = $derived(this.networks.find((one) => one.page === "cnn")?.name ?? null);
  network = $derived(address.get("network") ?? this.#first);
  /** None: the program chooses the first one. */
  input = $derived(address.get("input"));
  score = $derived(whole(address.get("score")));
  /** The number that is open: `path[index]`. */
  at = $derived(address.get("at"));
  backward = $derived(address.get("direction") === "backward");
  mode = $derived<ScaleMode>(SCALE_MODES.find((mode) => mode === address.get("scale")) ?? "module");
  /** What is listed, or a run's network at one of its steps, which no list has. */
  card = $derived(
    this.networks.find((one) => one.name === this.network) ??
      (this.scene?.network.name === this.network ? this.scene.network : null),
  );

  /** Slopes come along when they are first asked for. */
  ready = $derived(!this.backward || this.tensors.has("input@grad"));
  /** Whether what is shown is what the address names. */
  current = $derived(
    this.#shown !== null &&
      this.#shown.network === this.network &&
      this.#shown.input === this.input &&
      this.#shown.score === this.score,
  );
  valueRanges = $derived(this.scene && findRanges(this.scene, this.tensors, "value", this.mode));
  ranges = $derived(
    this.scene && this.backward ? findRanges(this.scene, this.tensors, "grad", this.mode) : this.valueRanges,
  );
  column = $derived(this.scene?.columns.find((column) => column.path === this.explained?.path) ?? null);
  selected = $derived.by((): Place | null => {
    if (!this.explained) return null;
    const [, channel = 0, row = 0, column = 0] = this.explained.index;
    return { path: this.explained.path, channel, row, column };
  });

  constructor() {
    super();
    $effect(() =>
      link.onReopen(() => {
        this.#kept.clear(); // the program may be another one now
        this.#listNetworks();
        if (this.network) this.#listSamples(this.network);
        this.#openScene();
      }),
    );
    this.#listNetworks();
    $effect(() => {
      if (this.network) this.#listSamples(this.network);
    });
    $effect(() => {
      if (this.network) this.#openScene();
    });
    $effect(() => {
      if (this.scene && this.at && this.current) this.#explain(this.scene.source, this.at, this.backward);
      else if (!this.at) this.opened = null;
    });
    $effect(() => {
      if (this.column) this.#fetchWeights(this.column.parameters);
    });
  }

  #listNetworks(): void {
    link.ask({ type: "list_networks" }, (answer) => {
      if (answer.type === "networks") this.networks = answer.networks;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #listSamples(network: string): void {
    link.ask({ type: "list_samples", network }, (answer, tensors) => {
      if (answer.type === "failure") this.failure = answer;
      if (answer.type !== "samples") return;
      this.samples = answer.samples;
      this.thumbnails = tensors[0] ?? null;
    });
  }

  #openScene(): void {
    const { network, input, score, backward } = this;
    if (!network) return;
    const asked = { network, input, score };
    const known = `${JSON.stringify(asked)} ${backward}`;
    const kept = this.#kept.get(known);
    if (kept) {
      link.cancel(this.#opening);
      this.busy = false;
      untrack(() => this.#show(kept.scene, kept.tensors, asked));
      return this.#keep(known, kept);
    }
    this.busy = true;
    let scene: Scene | null = null;
    const listen: Listener = (answer, tensors) => {
      if (answer.request !== this.#opening) return;
      if (answer.type === "scene") scene = answer;
      if (answer.type === "maps" && scene) {
        const maps = new Map(tensors.map((tensor) => [key(tensor.ref), tensor]));
        this.#show(scene, maps, asked);
        this.#keep(known, { scene, tensors: maps });
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    };
    this.#opening = link.ask({ type: "open_scene", network, input, score, backward, view: "page" }, listen);
  }

  /** The maps and what they belong to change in one step, so that no old number stands under a new name. */
  #show(scene: Scene, tensors: Map<string, Tensor>, asked: Asked): void {
    if (this.scene?.source !== scene.source) this.opened = null;
    this.tensors = tensors;
    if (this.plan?.network.name !== scene.network.name) this.plan = scene;
    this.scene = scene;
    this.#shown = asked;
    this.failure = null;
  }

  #keep(known: string, seen: { scene: Scene; tensors: Map<string, Tensor> }): void {
    this.#kept.delete(known);
    this.#kept.set(known, seen);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > KEPT_SCENES) this.#kept.delete(oldest!);
  }

  #fetch(refs: string[]): void {
    if (!refs.length) return;
    const source = this.scene?.source;
    link.ask({ type: "fetch_tensors", refs }, (answer, tensors) => {
      if (this.scene?.source !== source) return;
      if (answer.type === "failure") this.cardFailure = answer;
      if (answer.type !== "maps") return;
      const more = new Map(this.tensors);
      for (const tensor of tensors) more.set(key(tensor.ref), tensor);
      this.tensors = more;
    });
  }

  #fetchWeights(parameters: string[]): void {
    const source = this.scene?.source;
    if (!source) return;
    const missing = parameters.filter((path) => !this.tensors.has(`${path}@value`));
    this.#fetch(missing.map((path) => format({ source, path, index: [], what: "value" })));
  }

  #explain(source: string, at: string, backward: boolean): void {
    const ref = `${source}#${at}@${backward ? "grad" : "value"}`;
    const limit = backward ? SLOPE_TERMS : CARD_TERMS;
    link.ask({ type: "explain_number", ref, limit, view: "page" }, (answer, tensors) => {
      if (this.scene?.source !== source || this.at !== at || this.backward !== backward) return;
      if (answer.type === "explained") {
        this.trail = walked(this.trail, this.explained?.ref, answer);
        this.opened = { explained: answer, parts: tensors };
        this.cardFailure = null;
      }
      if (answer.type === "failure") {
        this.opened = null;
        this.cardFailure = answer;
      }
    });
  }

  /** Open a number by its reference, or close what is open. */
  open(path: string, index: number[], step = true): void {
    address.set({ at: `${path}[${index.join(",")}]` }, step);
  }

  follow(ref: string): void {
    const reference = parse(ref);
    if (reference) this.open(reference.path, reference.index);
  }

  /** Open the number under a place of the map. */
  openPlace(place: Place): void {
    const shape = this.scene?.columns.find((column) => column.path === place.path)?.shape;
    if (shape?.length === 1) this.open(place.path, [0, place.row]);
    else this.open(place.path, [0, place.channel, place.row, place.column]);
  }

  /** Follow another class's score; the one that is followed opens. */
  choose(index: number): void {
    if (!this.scene) return;
    if (index === this.scene.chosen && !this.backward) this.open(this.scene.columns.at(-1)!.path, [0, index]);
    else address.set({ score: String(index) });
  }

  /** Follow what gives the open number most: the next stop of its trail. */
  followLargest(): void {
    const at = this.trail.findIndex((stop) => stop.number.ref === this.explained?.ref);
    const next = this.trail[at + 1];
    if (next) this.follow(next.number.ref);
  }

  read(id: string, step = true): void {
    address.set({ input: `upload:${id}`, score: null }, step);
  }

  close(): void {
    this.trail = [];
    address.set({ at: null });
  }

  cancel(): void {
    link.cancel(this.#opening);
    this.busy = false;
  }
}

/** A stop of the trail keeps it; an operand of the number before replaces what lies right of that; else it is new. */
function walked(trail: Stop[], before: string | undefined, answer: Explained): Stop[] {
  if (trail.some((stop) => stop.number.ref === answer.ref)) return trail;
  const from = trail.findIndex((stop) => stop.number.ref === before);
  const own = answer.trail.findIndex((stop) => stop.number.ref === answer.ref);
  const follows = from >= 0 && trail[from + 1]?.path === answer.path;
  return follows ? [...trail.slice(0, from + 1), ...answer.trail.slice(own)] : answer.trail;
}

interface Asked {
  network: string;
  input: string | null;
  score: number | null;
}

/** A class's index from the address; what is none is left to the program. */
const whole = (text: string | null): number | null => {
  const value = Number(text);
  return text !== null && Number.isInteger(value) && value >= 0 && value < 1e9 ? value : null;
};

const key = (ref: string): string => ref.slice(ref.indexOf("#") + 1);
