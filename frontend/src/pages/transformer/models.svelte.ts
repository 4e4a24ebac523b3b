/** Which language models and translators there are, and which one the address names. */
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Failure, SpokenNetwork } from "../../lib/messages";
import { text } from "../../lib/text";

/** What belongs to one network and its text, and is left behind with it. */
const OF_ONE = [
  "text",
  "more",
  "off",
  "patched",
  "other",
  "head",
  "key",
  "row",
  "position",
  "followed",
  "written",
];

export class Models {
  all = $state.raw<SpokenNetwork[]>([]);
  listed = $state(false);
  failure = $state.raw<Failure | null>(null);
  name = $derived(
    address.get("network") ?? this.all.find((one) => one.here && !one.translates)?.name ?? null,
  );
  translates = $derived(this.all.find((one) => one.name === this.name)?.translates ?? false);

  constructor() {
    $effect(() => link.onReopen(() => this.#list()));
    this.#list();
  }

  #list(): void {
    link.ask({ type: "list_spoken", named: address.get("network") }, (answer) => {
      if (answer.type === "spoken") {
        this.all = answer.networks;
        this.listed = true;
        const [first] = answer.networks;
        this.failure = this.name
          ? null
          : {
              type: "failure",
              request: 0,
              what: text("transformer.noneWhat"),
              where: first?.title ?? "",
              why: text("transformer.noneWhy"),
              todo: first?.todo ?? "",
            };
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  choose(name: string): void {
    address.set({ network: name, ...Object.fromEntries(OF_ONE.map((one) => [one, null])) });
  }
}
