/** What the page knows of a run on one's own pictures beside its course: what it makes of all of them, and of new ones. */
import { untrack } from "svelte";
import { upload, type Refusal } from "../../chrome/input/upload";
import { TrainState } from "../../chrome/training/state.svelte";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Exported, ExportRun, Failure, Graph, Taught } from "../../lib/messages";
import { keep } from "../../lib/keep";
import type { Tensor } from "../../lib/tensors";

export type Form = ExportRun["form"];
type Answers = Graph["answers"];

/** A new picture, and what the network says of it. */
export interface Tried {
  id: string;
  name: string;
  network: string;
  page: string;
  answers: Answers;
  failure: Failure | null;
}

export interface Known {
  answer: Taught;
  thumbnails: Tensor;
  answers: Tensor;
  places: Tensor;
}

const MOST_TRIED = 6;

export class LessonState {
  /** The run itself, as the panel of training knows it. */
  readonly train = new TrainState(false);
  taught = $state.raw<Known | null>(null);
  working = $state.raw<{ done: number; of: number } | null>(null);
  failure = $state.raw<Failure | null>(null);
  tried = $state.raw<Tried[]>([]);
  refusal = $state.raw<Refusal | null>(null);
  /** Which files are being made, and what was made. */
  making = $state.raw<Form | null>(null);
  made = $state.raw(new Map<Form, Exported>());
  takeFailure = $state.raw<Failure | null>(null);
  /** Whether pictures are looked at although the run goes on. */
  anyway = $state(false);
  #opening = 0;

  way = $derived<"pca" | "tsne">(address.get("way") === "tsne" ? "tsne" : "pca");
  /** Whether the page has been led to the step that was kept. */
  #led = $state(false);
  /** The step that is asked about; null: the one that was kept. */
  #step = $derived(address.get("step") === null && !this.#led ? null : this.train.step);
  #asked = $derived.by(() => {
    const { run, course, going, saved } = this.train;
    if (!run || !course || !saved.length || (going && !this.anyway)) return "";
    return JSON.stringify([run, this.#step, this.way, saved.length, course.run.state]);
  });

  constructor() {
    const { train } = this;
    $effect(() => {
      if (this.#asked) untrack(() => this.#open());
    });
    $effect(() => {
      const { run, saved, network, input } = train;
      if (run && saved.length && network && input === null) untrack(() => void this.#first(run));
    });
    $effect(() => {
      void train.run;
      untrack(() => {
        this.taught = this.failure = this.takeFailure = null;
        this.tried = [];
        this.made = new Map();
        this.anyway = this.#led = false;
      });
    });
    $effect(() => link.onReopen(() => this.#asked && this.#open()));
  }

  #open(): void {
    this.#opening = link.ask(
      { type: "open_taught", run: this.train.run!, step: this.#step, way: this.way },
      (answer, tensors) => {
        if (answer.request !== this.#opening) return;
        if (answer.type === "working") this.working = answer;
        if (answer.type === "taught") {
          const [thumbnails, answers, places] = tensors as [Tensor, Tensor, Tensor];
          this.taught = { answer, thumbnails, answers, places };
          this.failure = null;
          if (this.train.going || this.#led) return;
          this.#led = true; // the whole page is of the network that was kept
          if (address.get("step") === null) this.train.goTo(answer.step);
        }
        if (answer.type === "failure") this.failure = answer;
        if (answer.type === "failure" || answer.type === "done") this.working = null;
      },
    );
  }

  /** Something of the reader's own to begin with: their first picture. */
  async #first(run: string): Promise<void> {
    const id = await this.picture(run, 0);
    if (id && this.train.input === null && this.train.run === run) address.set({ input: id }, false);
  }

  /** One of the run's pictures as an input that other pages can open. */
  picture(run: string, index: number): Promise<string | null> {
    return new Promise((then) => {
      link.ask({ type: "fetch_picture", run, index }, (answer, tensors) => {
        if (answer.type === "failure") then(null);
        if (answer.type === "file")
          void upload(new Blob([tensors[0]!.data as BlobPart], { type: "image/png" })).then((done) =>
            then("refusal" in done ? null : `upload:${done.id}`),
          );
      });
    });
  }

  /** Where a network is seen from within, on one of the run's pictures. */
  async why(index: number): Promise<void> {
    const { answer } = this.taught!;
    const input = await this.picture(answer.run, index);
    address.go(answer.page === "cnn" ? "cnn" : "open", {
      network: answer.network,
      ...(input ? { input } : {}),
    });
  }

  /** Try new pictures on the network as it is at the step that is looked at. */
  async give(pictures: Iterable<Blob>): Promise<void> {
    this.refusal = null;
    for (const picture of Array.from(pictures).slice(0, MOST_TRIED)) {
      const given = await upload(picture);
      if ("refusal" in given) this.refusal = given.refusal;
      else this.#try(`upload:${given.id}`, given.name);
    }
  }

  #try(id: string, name: string): void {
    const network = this.train.network;
    if (!network) return;
    const put = (one: Tried): void => {
      this.tried = [one, ...this.tried.filter((other) => other.id !== id)].slice(0, MOST_TRIED);
    };
    address.set({ input: id }, false);
    link.ask({ type: "open_graph", network, input: id, level: "stages", view: `try ${id}` }, (answer) => {
      if (answer.type === "graph" && !answer.pending)
        put({ id, name, network, page: answer.network.page, answers: answer.answers, failure: null });
      if (answer.type === "failure") put({ id, name, network, page: "open", answers: [], failure: answer });
    });
  }

  take(form: Form): void {
    if (this.making) return;
    this.making = form;
    this.takeFailure = null;
    link.ask({ type: "export_run", run: this.train.run!, form }, (answer, tensors) => {
      if (answer.type === "exported") {
        this.made = new Map(this.made).set(form, answer);
        keep(new Blob([tensors[0]!.data as BlobPart]), answer.name);
      }
      if (answer.type === "failure") this.takeFailure = answer;
      if (answer.type === "failure" || answer.type === "done") this.making = null;
    });
  }
}
