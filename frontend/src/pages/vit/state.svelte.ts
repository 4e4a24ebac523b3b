/** What the page of Vision Transformers knows: the picture as it was read, the open head, what is switched off. */
import { untrack } from "svelte";
import { NetworkReader } from "../../chrome/input/networkReader.svelte";
import { SeeingList } from "../../chrome/seeing.svelte";
import { address } from "../../lib/address.svelte";
import { headIn, whole } from "../../lib/addressed";
import { link } from "../../lib/link.svelte";
import type { PatchesRead, PatchHeadRead, PatchSlopes, SwitchedPart } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { text } from "../../lib/text";
import { readParts, wordOf, writtenParts } from "./parts";

interface Read {
  answer: PatchesRead;
  picture: Tensor;
  attention: Tensor;
  rollout: Tensor;
  lens: Tensor;
  near: Tensor;
  filters: Tensor;
  numbers: Tensor;
  /** How much each pixel strikes, where no class is named. */
  strikes: Tensor | null;
}

export class VitState extends NetworkReader {
  /** Those whose weights others keep. */
  list = new SeeingList("vit");
  shown = $state.raw<Read | null>(null);
  head = $state.raw<{ answer: PatchHeadRead; parts: Tensor[] } | null>(null);
  slopes = $state.raw<{ answer: PatchSlopes; pixels: Tensor; lengths: Tensor } | null>(null);

  network = $derived(address.get("network") ?? this.networks.find((one) => one.page === "vit")?.name ?? null);
  card = $derived(this.networks.find((one) => one.name === this.network) ?? null);
  kept = $derived(this.list.networks.find((one) => one.name === this.network) ?? null);
  title = $derived(this.shown?.answer.title);
  input = $derived(address.get("input"));
  followed = $derived(whole(address.get("followed")));
  token = $derived(whole(address.get("token")) ?? 0);
  switched = $derived(readParts(address.get("off")));
  backward = $derived(address.get("direction") === "backward");
  /** Block and head of the open card. */
  open = $derived.by((): [number, number] | null => {
    const answer = this.shown?.answer;
    return answer ? headIn(address.get("head"), answer) : null;
  });
  column = $derived(whole(address.get("key")));
  protected wanted = $derived(
    JSON.stringify([
      this.network,
      this.input,
      this.followed,
      this.token,
      this.switched,
      this.kept?.here ?? true,
    ]),
  );

  constructor() {
    super();
    $effect(() => {
      const { shown, open, column } = this;
      if (shown && open) untrack(() => this.#head(shown.answer, open, column));
      else untrack(() => (this.head = null));
    });
    $effect(() => {
      const { shown, backward } = this;
      if (shown && backward && !shown.answer.base) untrack(() => this.#slopes(shown.answer));
      else untrack(() => (this.slopes = null));
    });
  }

  protected run(network: string): void {
    const { input, followed, token, switched } = this;
    this.ask({ type: "open_patches", network, input, followed, token, switched }, (answer, tensors) => {
      if (answer.type !== "patches_read") return;
      const [picture, attention, rollout, lens, near, filters, numbers, strikes = null] = tensors as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor,
        Tensor?,
      ];
      this.shown = { answer, picture, attention, rollout, lens, near, filters, numbers, strikes };
      this.failure = null;
    });
  }

  #head(read: PatchesRead, [layer, head]: [number, number], column: number | null): void {
    const { source, token, followed } = read;
    link.ask(
      { type: "open_patch_head", source, layer, head, token, column, followed: followed.index },
      (answer, tensors) => {
        const still = this.shown?.answer === read && this.open?.join() === `${layer},${head}`;
        if (answer.type === "patch_head_read" && still) this.head = { answer, parts: [...tensors] };
        if (answer.type === "failure") this.failure = answer;
      },
    );
  }

  #slopes(read: PatchesRead): void {
    const { source, followed } = read;
    link.ask({ type: "open_patch_slopes", source, followed: followed.index }, (answer, tensors) => {
      if (answer.type === "patch_slopes" && this.shown?.answer === read)
        this.slopes = { answer, pixels: tensors[0]!, lengths: tensors[1]! };
      if (answer.type === "failure") this.failure = answer;
    });
  }

  /** What is followed, as it is written: a class, or a pixel. */
  get followedIs(): string {
    const { followed, map } = this.shown!.answer;
    return map.length ? text("vit.pixel", this.pixel) : followed.label;
  }

  /** Row and column of the followed pixel, from 1. */
  get pixel(): { row: number; column: number } {
    const { followed, map } = this.shown!.answer;
    return { row: Math.floor(followed.index / map[1]!) + 1, column: (followed.index % map[1]!) + 1 };
  }

  /** Look from another token: 0 is the class token. */
  look(token: number): void {
    address.set({ token: token ? String(token) : null, key: null }, false);
  }

  follow(index: number): void {
    address.set({ followed: String(index) });
  }

  show(layer: number, head: number): void {
    address.set({ head: `${layer}.${head}`, key: null });
  }

  change(one: SwitchedPart): void {
    const left = this.switched.filter((each) => wordOf(each) !== wordOf(one));
    const followed = String(this.followed ?? this.shown?.answer.followed.index ?? 0);
    address.set({ off: writtenParts([...left, one]), followed });
  }

  isOff(one: SwitchedPart): boolean {
    return this.switched.some((each) => wordOf(each) === wordOf(one));
  }

  undo(one?: SwitchedPart): void {
    const left = one ? this.switched.filter((each) => wordOf(each) !== wordOf(one)) : [];
    address.set({ off: writtenParts(left) });
  }

  read(id: string, step = true): void {
    address.set({ input: `upload:${id}`, followed: null }, step);
  }
}
