/** What the page of training knows: the runs, the one that is looked at, and the step that is looked at in it. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import { axisEnd, seriesOf, type Series } from "../../lib/course";
import { link } from "../../lib/link.svelte";
import type {
  Course,
  Failure,
  Followed,
  Graph,
  RecipeCard,
  RunCard,
  Sample,
  SlowMotion,
} from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import type { Refusal } from "../input/upload";

/** A run as far as it is known. */
export interface Known {
  course: Course;
  series: Map<string, Series>;
}

const POINTS = 480;
const EVERY = 1000;
const SILENT = 6000;
const PLAY_EVERY = 350;
const GOING = ["starting", "running", "paused"];
export const MOST_COMPARED = 3;
const MOST_CHANNELS = 10;
const MOST_PIXELS = 64 * 64;
const MOST_WHOLE = 24;
const key = (ref: string): string => ref.slice(ref.indexOf("#") + 1);

export class TrainState {
  runs = $state.raw<RunCard[]>([]);
  recipes = $state.raw<RecipeCard[]>([]);
  folder = $state("runs");
  listed = $state(false);
  /** By name: the run that is looked at, and those beside it. */
  known = $state.raw(new Map<string, Known>());
  graph = $state.raw<Graph | null>(null);
  /** `path@what`, of the network at the step: what of it is drawn, and with `whole` after it all of it. */
  tensors = $state.raw(new Map<string, Tensor>());
  slow = $state.raw<{ motion: SlowMotion; tensors: Tensor[] } | null>(null);
  slowFailure = $state.raw<Failure | null>(null);
  answers = $state.raw<{ followed: Followed; values: Tensor } | null>(null);
  weight = $state.raw<{ followed: Followed; values: Tensor } | null>(null);
  samples = $state.raw<Sample[]>([]);
  failure = $state.raw<Failure | null>(null);
  /** What an order was refused for; the run goes on. */
  refused = $state.raw<Failure | null>(null);
  networkFailure = $state.raw<Failure | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  busy = $state(false);
  playing = $state(false);
  backward = false;
  /** How often the link came back after it was lost: what was asked in the meantime is asked again. */
  #back = $state(0);
  #watching = new Map<string, ReturnType<typeof setTimeout>>();
  #player: ReturnType<typeof setInterval> | undefined;

  run = $derived(address.get("run") ?? this.runs[0]?.name ?? null);
  compared = $derived((address.get("beside") ?? "").split(",").filter((name) => name && name !== this.run));
  present = $derived(this.run ? (this.known.get(this.run) ?? null) : null);
  course = $derived(this.present?.course ?? null);
  series = $derived(this.present?.series ?? new Map<string, Series>());
  going = $derived(GOING.includes(this.course?.run.state ?? ""));
  saved = $derived(this.course?.saved ?? []);
  /** The step that the address names, or the newest that was saved. */
  step = $derived.by(() => {
    const wanted = Number(address.get("step") ?? NaN);
    const newest = this.saved.at(-1) ?? 0;
    if (!Number.isFinite(wanted)) return newest;
    return this.saved.reduce(
      (best, one) => (Math.abs(one - wanted) < Math.abs(best - wanted) ? one : best),
      newest,
    );
  });
  /** After how many steps the one in slow motion begins: at the last step of all, that is it; null where it isn't kept. */
  slowFrom = $derived.by(() => {
    const last = this.course?.run.steps || Infinity;
    const from = Math.min(this.step, last - 1);
    return this.course && this.saved.includes(from) ? from : null;
  });
  /** Whether the page goes along with the newest step. */
  following = $derived(address.get("step") === null);
  last = $derived(axisEnd(this.course?.run.step ?? 0, this.going ? (this.course?.run.steps ?? 0) : 0));
  end = $derived(this.going ? this.last : Math.max(1, this.course?.run.step ?? 1));
  input = $derived(address.get("input"));
  chosen = $derived(address.get("weight") ?? "");
  network = $derived(this.course && this.saved.length ? `${this.course.network}${this.step}` : null);
  happened = $derived(this.course?.happened ?? []);
  /** The loss, for the time's own line. */
  outline = $derived.by(() => {
    const loss = this.series.get("loss");
    return loss ? { steps: loss.steps, values: loss.mean } : null;
  });

  /** @param stands Whether a network without samples of its own is shown those of ours. */
  constructor(stands = true) {
    $effect(() =>
      link.onReopen(() => {
        this.list();
        this.#back++;
        for (const name of this.#watching.keys()) this.#watch(name, true);
      }),
    );
    this.list();
    $effect(() => {
      const names = this.run ? [this.run, ...this.compared.slice(0, MOST_COMPARED)] : [];
      untrack(() => this.#attend(names));
    });
    $effect(() => {
      void this.#back;
      if (this.network) this.#openNetwork(this.network, this.input);
      else untrack(() => this.#forget());
    });
    $effect(() => {
      const { run, slowFrom, chosen } = this;
      void this.#back;
      if (run && this.network && slowFrom !== null) this.#slow(run, slowFrom, chosen);
      else this.slow = null;
    });
    $effect(() => {
      if (this.run && this.graph?.input)
        (void [this.saved.length, this.#back], this.#follow(this.run, this.input));
    });
    $effect(() => {
      if (stands && this.run && this.network) this.#listSamples(this.network);
    });
    $effect(() => () => {
      for (const timer of this.#watching.values()) clearTimeout(timer);
      clearInterval(this.#player);
    });
  }

  list(): void {
    link.ask({ type: "list_runs" }, (answer) => {
      if (answer.type === "run_list") {
        this.runs = answer.runs;
        this.recipes = answer.recipes;
        this.folder = answer.folder;
        this.listed = true;
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  /** Watch these runs, and no others. */
  #attend(names: string[]): void {
    for (const [name, timer] of this.#watching)
      if (!names.includes(name)) {
        clearTimeout(timer);
        this.#watching.delete(name);
      }
    for (const name of names) if (!this.#watching.has(name)) this.#watch(name, true);
  }

  #watch(name: string, first = false): void {
    clearTimeout(this.#watching.get(name));
    const view = name;
    const known = this.known.get(name)?.course.stamp ?? "";
    if (first && name === this.run) this.busy = !this.known.has(name);
    link.ask({ type: "open_course", run: name, points: POINTS, known, view }, (answer, tensors) => {
      if (answer.type === "course") {
        const before = this.known.get(name);
        const series = answer.unchanged && before ? before.series : seriesOf(answer.groups, tensors);
        this.known = new Map(this.known).set(name, { course: answer, series });
        if (name === this.run) this.failure = null;
        if (before && before.course.run.state !== answer.run.state) this.list();
        this.#again(name);
      }
      if (answer.type === "failure" && name === this.run) this.failure = answer;
      if (answer.type === "failure") this.#again(name, 10 * EVERY);
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
    this.#again(name, this.known.has(name) ? SILENT : 10 * EVERY); // a program that has just been started is slow
  }

  /** Ask once more after a while; where no answer has come to what was asked, by another socket. */
  #again(name: string, after = EVERY): void {
    clearTimeout(this.#watching.get(name));
    this.#watching.set(
      name,
      setTimeout(() => {
        if (document.hidden) return this.#again(name);
        if (after === SILENT) {
          this.#again(name, SILENT);
          return link.renew();
        }
        const state = this.known.get(name)?.course.run.state;
        if (!state || GOING.includes(state)) this.#watch(name);
      }, after),
    );
  }

  #forget(): void {
    this.graph = null;
    this.tensors = new Map();
    this.answers = null;
  }

  #openNetwork(network: string, input: string | null): void {
    link.ask(
      { type: "open_graph", network, input, level: "operations", view: "moment" },
      (answer, tensors) => {
        if (this.network !== network || this.input !== input) return;
        if (answer.type === "graph") this.#opening = answer;
        if (answer.type === "maps" && this.#opening) {
          this.graph = this.#opening;
          this.tensors = new Map(tensors.map((tensor) => [key(tensor.ref), tensor]));
          this.networkFailure = null;
          this.#fetchWhole(this.graph);
        }
        if (answer.type === "failure") {
          this.networkFailure = answer;
          this.#forget();
        }
      },
    );
  }
  #opening: Graph | null = null;

  /** The first layer's kernels, which can be read as pictures; and every channel of what has few of them. */
  #fetchWhole(graph: Graph): void {
    const first = graph.columns.find(({ parameters }) => parameters.some((name) => name.endsWith("weight")));
    const path = first?.parameters.find((name) => name.endsWith("weight"));
    const few = graph.columns.slice(1).filter(({ axes, channels, shape }) => {
      const [batch, all = 0, rows = 0, columns = 0] = shape;
      return axes && shape.length === 4 && batch === 1 && all <= MOST_CHANNELS && all > channels.length && rows * columns <= MOST_PIXELS; // prettier-ignore
    });
    const refs = [...few.slice(0, MOST_WHOLE).map((column) => column.path), ...(path ? [path] : [])];
    if (!refs.length) return;
    link.ask(
      { type: "fetch_tensors", refs: refs.map((each) => `${graph.source}#${each}@value`) },
      (answer, tensors) => {
        if (answer.type !== "maps" || this.graph !== graph) return;
        const more = new Map(this.tensors);
        for (const tensor of tensors) more.set(`${key(tensor.ref)} whole`, tensor);
        this.tensors = more;
      },
    );
  }

  #slow(run: string, step: number, weight: string): void {
    link.ask({ type: "slow_step", run, step, weight }, (answer, tensors) => {
      if (this.run !== run || this.slowFrom !== step || this.chosen !== weight) return;
      if (answer.type === "slow_motion") {
        this.slow = { motion: answer, tensors };
        this.slowFailure = null;
      }
      if (answer.type === "failure") {
        this.slow = null;
        this.slowFailure = answer;
      }
    });
  }

  #follow(run: string, input: string | null): void {
    link.ask({ type: "follow_answer", run, input }, (answer, tensors) => {
      if (this.run !== run || this.input !== input) return;
      if (answer.type === "followed") this.answers = { followed: answer, values: tensors[0]! };
      if (answer.type === "failure") this.answers = null;
    });
  }

  #listSamples(network: string): void {
    link.ask({ type: "list_samples", network }, (answer) => {
      if (answer.type === "samples" && this.network === network) this.samples = answer.samples;
    });
  }

  /** One weight at every saved step. */
  followWeight(weight: string): void {
    const run = this.run;
    if (!run) return;
    this.weight = null;
    link.ask({ type: "follow_weight", run, weight }, (answer, tensors) => {
      if (answer.type === "followed" && this.run === run)
        this.weight = { followed: answer, values: tensors[0]! };
      if (answer.type === "failure") this.refused = answer;
    });
  }

  steer(order: "pause" | "go" | "step" | "stop" | "rate", value = 0): void {
    if (!this.run) return;
    const run = this.run;
    link.ask({ type: "steer_run", run, do: order, value }, (answer) => this.#ordered(run, answer));
  }

  resume(): void {
    if (!this.run) return;
    const run = this.run;
    link.ask({ type: "resume_run", run }, (answer) => this.#ordered(run, answer));
  }

  start(recipe: string, settings: Record<string, string>, own: string, then: () => void): void {
    link.ask({ type: "start_run", recipe, settings, text: own }, (answer) => {
      if (answer.type === "steered") {
        then();
        address.go("train", { run: answer.run });
        this.list();
      }
      this.#ordered(null, answer);
    });
  }

  #ordered(run: string | null, answer: { type: string }): void {
    if (answer.type === "failure") this.refused = answer as Failure;
    if (answer.type !== "steered") return;
    this.refused = null;
    if (run) this.#watch(run);
  }

  goTo(step: number | null): void {
    address.set({ step: step === null ? null : String(step) }, false);
  }

  /** To the saved step before or after. */
  move(by: number): void {
    const here = this.saved.indexOf(this.step);
    const to = this.saved[Math.min(this.saved.length - 1, Math.max(0, here + by))];
    if (to !== undefined) this.goTo(to);
  }

  /** Through the saved steps, one after another. */
  play(): void {
    clearInterval(this.#player);
    this.playing = !this.playing;
    if (!this.playing) return;
    if (this.step === this.saved.at(-1)) this.goTo(this.saved[0] ?? 0);
    this.#player = setInterval(() => {
      if (this.step === this.saved.at(-1)) return this.play();
      this.move(1);
    }, PLAY_EVERY);
  }

  compare(name: string): void {
    const names = this.compared.includes(name)
      ? this.compared.filter((one) => one !== name)
      : [...this.compared, name].slice(-MOST_COMPARED);
    address.set({ beside: names.length ? names.join(",") : null });
  }

  choose(run: string): void {
    address.set({ run, step: null, weight: null, input: null, beside: null });
  }
}
