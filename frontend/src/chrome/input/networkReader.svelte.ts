/** What every page has that runs a network on a picture: which networks and pictures there are, and the newest answer. */
import { untrack } from "svelte";
import { link, type Listener, type Question } from "../../lib/link.svelte";
import type { Failure, NetworkCard, Sample } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { PictureReader } from "./reader.svelte";

export abstract class NetworkReader extends PictureReader {
  networks = $state.raw<NetworkCard[]>([]);
  /** The pictures that come with the network, and how they look. */
  samples = $state.raw<Sample[]>([]);
  thumbnails = $state.raw<Tensor | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  #running = 0;

  /** The network that the address names, or the first one of the page. */
  abstract readonly network: string | null;
  /** All that the answer depends on, written out: what is wanted anew is run anew. */
  protected abstract readonly wanted: string;
  /** Ask what the network makes of the picture. */
  protected abstract run(network: string): void;

  constructor() {
    super();
    $effect(() =>
      link.onReopen(() => {
        this.listNetworks();
        this.#run();
      }),
    );
    this.listNetworks();
    $effect(() => {
      if (this.network) this.#listSamples(this.network);
    });
    $effect(() => {
      void this.wanted;
      this.#run();
    });
  }

  #run(): void {
    const { network } = this;
    if (network) untrack(() => this.run(network));
  }

  protected listNetworks(): void {
    link.ask({ type: "list_networks" }, (answer) => {
      if (answer.type === "networks") this.networks = answer.networks;
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #listSamples(network: string): void {
    link.ask({ type: "list_samples", network }, (answer, tensors) => {
      if (answer.type !== "samples") return;
      this.samples = answer.samples;
      this.thumbnails = tensors[0] ?? null;
    });
  }

  /** Ask, and hear no answer to what was asked before; busy until the last one. */
  protected ask(question: Question, hear: Listener): void {
    this.busy = true;
    this.#running = link.ask(question, (answer, tensors) => {
      if (answer.request !== this.#running) return;
      hear(answer, tensors);
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
  }

  cancel(): void {
    link.cancel(this.#running);
    this.busy = false;
  }
}
