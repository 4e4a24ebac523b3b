/** What the page of U-Nets knows: the picture as it was read, the class that is followed, the mask, the open number. */
import { untrack } from "svelte";
import { NetworkReader } from "../../chrome/input/networkReader.svelte";
import { upload } from "../../chrome/input/upload";
import type { Range } from "../../figures/map/ranges";
import { AskedNumber } from "../../figures/opened/asked.svelte";
import { address } from "../../lib/address.svelte";
import { whole } from "../../lib/addressed";
import { link } from "../../lib/link.svelte";
import type { MaskGrown, MaskRead } from "../../lib/messages";
import { at, parse } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";
import { write } from "./mask";

export interface Read {
  answer: MaskRead;
  picture: Tensor;
  /** Of each network (K, H, W). */
  probabilities: Tensor[];
  truth: Tensor | null;
  /** -ln p of the truth at each pixel. */
  nats: Tensor | null;
  /** What is drawn of each stage: its numbers, or in Backward their slopes. */
  maps: Tensor[];
  backward: boolean;
}
const LEVELS = /^\d(,\d)*$/;

export class UnetState extends NetworkReader {
  shown = $state.raw<Read | null>(null);
  grown = $state.raw<{ answer: MaskGrown; masks: Tensor } | null>(null);
  asked = new AskedNumber();

  network = $derived(
    address.get("network") ?? this.networks.find((one) => one.page === "unet")?.name ?? null,
  );
  card = $derived(this.networks.find((one) => one.name === this.network) ?? null);
  title = $derived(this.shown?.answer.title);
  input = $derived(address.get("input"));
  kind = $derived(whole(address.get("class")));
  threshold = $derived(address.get("threshold") === null ? null : Number(address.get("threshold")));
  mask = $derived(address.get("mask"));
  shut = $derived(LEVELS.test(address.get("shut") ?? "") ? address.get("shut")!.split(",").map(Number) : []);
  place = $derived(
    /^\d+,\d+$/.test(address.get("place") ?? "") ? address.get("place")!.split(",").map(Number) : null,
  );
  at = $derived(address.get("at"));
  backward = $derived(address.get("direction") === "backward");
  protected wanted = $derived(
    JSON.stringify([
      this.network,
      this.input,
      this.kind,
      this.threshold,
      this.mask,
      this.shut,
      this.place,
      this.backward,
    ]),
  );

  constructor() {
    super();
    $effect(() => {
      const { shown, at: where } = this;
      if (shown && where)
        untrack(() =>
          this.asked.ask(`${shown.answer.told[0]!.trace}#${where}@${shown.backward ? "grad" : "value"}`),
        );
      else untrack(() => this.asked.forget());
    });
    $effect(() => {
      const { shown } = this;
      if (shown?.answer.told[0]?.skips) untrack(() => this.#grow(shown.answer));
      else untrack(() => (this.grown = null));
    });
  }

  protected run(network: string): void {
    const { input, kind, threshold, mask, shut, place, backward } = this;
    this.ask(
      { type: "open_mask", network, input, kind, threshold, mask, shut, place, backward },
      (answer, tensors) => {
        if (answer.type !== "mask_read") return;
        const rest = [...tensors];
        const picture = rest.shift()!;
        const probabilities = rest.splice(0, answer.told.length);
        const [truth, nats] = answer.truth ? rest.splice(0, 2) : [];
        const maps = rest.slice(backward ? answer.stages.length : 0).slice(0, answer.stages.length);
        this.shown = {
          answer,
          picture,
          probabilities,
          truth: truth ?? null,
          nats: nats ?? null,
          maps,
          backward,
        };
        this.failure = null;
      },
    );
  }

  #grow(read: MaskRead): void {
    link.ask({ type: "grow_mask", source: read.told[0]!.source, kind: read.kind }, (answer, tensors) => {
      if (answer.type === "mask_grown" && this.shown?.answer === read)
        this.grown = { answer, masks: tensors[0]! };
    });
  }

  follow(ref: string): void {
    const found = parse(ref);
    if (found) this.openNumber(found.path, found.index);
  }

  openNumber(path: string, index: number[], step = true): void {
    address.set({ at: at(`${path}@`, index).slice(0, -1) }, step);
  }

  /** Where the colours of a stop end: with its maps', where these are drawn. */
  rangeOf(path: string): Range {
    const own = this.asked.trail.find((one) => one.path === path)!.number;
    const found = this.shown?.answer.stages.find((one) => one.path === path)?.reach ?? own;
    return { range: Math.abs(found.value), end: found, extreme: found, clipped: false };
  }

  close(): void {
    address.set({ at: null });
  }

  /** Another pixel, whose logit is then followed. */
  look(row: number, column: number): void {
    address.set({ place: `${row},${column}` }, false);
  }

  followClass(kind: number): void {
    address.set({ class: String(kind), place: null, threshold: null });
  }

  cut(threshold: number | null): void {
    const kind = String(this.shown?.answer.kind ?? 0);
    address.set({ threshold: threshold === null ? null : String(threshold), class: kind }, false);
  }

  toggle(level: number): void {
    const left = this.shut.filter((one) => one !== level);
    this.setShut((left.length < this.shut.length ? left : [...left, level].sort()).join(","));
  }

  setShut(levels: string): void {
    const { kind, place } = this.shown!.answer; // what is compared stays the same
    address.set({ shut: levels || null, class: String(kind), place: place.join(",") });
  }

  draw(mask: ArrayLike<number> | null): void {
    const kind = this.shown ? String(this.shown.answer.kind) : null;
    address.set({ mask: mask && write(mask), class: kind }, false);
  }

  /** A mask as a file, which must be as large as the picture. */
  async giveMask(file: File | null | undefined): Promise<void> {
    if (!file) return;
    const answer = await upload(file);
    this.refusal = "refusal" in answer ? answer.refusal : null;
    if ("id" in answer) address.set({ mask: `upload:${answer.id}` });
  }

  read(id: string, step = true): void {
    address.set({ input: `upload:${id}`, mask: null, class: null, place: null, at: null }, step);
  }
}
