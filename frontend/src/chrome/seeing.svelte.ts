/** Which networks of pictures a page shows, and how far the weights are that are being fetched. */
import { link } from "../lib/link.svelte";
import type { Answer, Failure, ListSeeing, SeeingNetwork } from "../lib/messages";

const PAUSE = 400;

export class SeeingList {
  networks = $state.raw<SeeingNetwork[]>([]);
  failure = $state.raw<Failure | null>(null);
  ready = $derived(this.networks.length > 0 || this.failure !== null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #page: NonNullable<ListSeeing["page"]>;

  constructor(page: NonNullable<ListSeeing["page"]>) {
    this.#page = page;
    this.#ask();
    $effect(() => link.onReopen(() => this.#ask()));
    $effect(() => () => clearTimeout(this.#timer));
  }

  #ask(): void {
    link.ask({ type: "list_seeing", page: this.#page }, (answer) => this.#take(answer));
  }

  #take(answer: Answer): void {
    if (answer.type === "failure") this.failure = answer;
    if (answer.type !== "seeing") return;
    this.networks = answer.networks;
    clearTimeout(this.#timer);
    if (this.networks.some((one) => one.fetched >= 0)) this.#timer = setTimeout(() => this.#ask(), PAUSE);
  }

  /** Bring the weights of a network to this machine. */
  fetch(network: string): void {
    link.ask({ type: "fetch_weights", network, page: this.#page }, (answer) => this.#take(answer));
  }
}
