/** What the workshop knows: the operation as the address has it, its output, and the number that is open. */
import { untrack } from "svelte";
import { PictureReader } from "../../chrome/input/reader.svelte";
import type { Windowed } from "../../figures/opened/Windows.svelte";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Explained, Failure, NetworkCard, Sample, Workshop } from "../../lib/messages";
import { at, parse } from "../../lib/refs";
import type { Tensor } from "../../lib/tensors";
import type { Operation } from "./geometry";

export const OPERATIONS = ["conv", "transposed", "max", "average", "global"] as const;
export const FILLS = ["zeros", "reflect", "circular"] as const;
/** How each operation is met most often. */
const USUAL: Record<Operation["do"], Partial<Operation>> = {
  conv: {},
  transposed: { stride: 2, kernel: "blur" },
  max: { size: 2, stride: 2, padding: 0 },
  average: { size: 2, stride: 2, padding: 0 },
  global: {},
};
const PLAIN: Operation = {
  do: "conv",
  kernel: "edges",
  size: 3,
  stride: 1,
  padding: 1,
  fill: "zeros",
  dilation: 1,
  groups: 1,
  bias: null,
};
export const STACK = "c3x8p1,c3x8p1,m2,c3x16p1,c3x16p1,m2";
const TERMS = 300;

interface Shown {
  answer: Workshop;
  /** As the answer was asked for. */
  operation: Operation;
  /** What the operation reads. */
  input: Tensor;
  weight: Tensor | null;
  output: Tensor;
}

export class WorkshopState extends PictureReader {
  shown = $state.raw<Shown | null>(null);
  explained = $state.raw<Explained | null>(null);
  windows = $state.raw<Windowed | null>(null);
  failure = $state.raw<Failure | null>(null);
  cardFailure = $state.raw<Failure | null>(null);
  samples = $state.raw<Sample[]>([]);
  thumbnails = $state.raw<Tensor | null>(null);
  busy = $state(false);
  readonly backward = false;
  readonly card: NetworkCard | null = null;
  #opening = 0;
  #looking = 0;

  input = $derived(address.get("input"));
  side = $derived(whole(address.get("side"), 24));
  colour = $derived(address.get("colour") === "1");
  stack = $derived(address.get("stack") ?? STACK);
  operation = $derived.by((): Operation => {
    const which = OPERATIONS.find((one) => one === address.get("do")) ?? "conv";
    const usual = { ...PLAIN, do: which, ...USUAL[which] };
    return {
      ...usual,
      kernel: address.get("kernel") ?? usual.kernel,
      size: whole(address.get("size"), usual.size),
      stride: whole(address.get("stride"), usual.stride),
      padding: whole(address.get("padding"), usual.padding),
      fill: FILLS.find((one) => one === address.get("fill")) ?? "zeros",
      dilation: whole(address.get("dilation"), usual.dilation),
      groups: whole(address.get("groups"), usual.groups),
      bias: number(address.get("bias")),
    };
  });
  /** The output number whose window is shown: channel, row, column; within what there is. */
  place = $derived.by((): [number, number, number] => {
    const [channels = 1, rows = 1, columns = 1] = this.shown?.answer.out ?? [];
    const wanted = (address.get("at") ?? "").split(",").map((one) => whole(one, -1));
    const held = (at: number | undefined, most: number, first: number): number =>
      at === undefined || at < 0 ? first : Math.min(most - 1, at);
    return [
      held(wanted[0], channels, 0),
      held(wanted[1], rows, Math.floor(rows / 2)),
      held(wanted[2], columns, Math.floor(columns / 2)),
    ];
  });
  /** A number of the picture, or of its padding, that is looked at instead. */
  see = $derived(address.get("see"));
  #asked = $derived(JSON.stringify([this.operation, this.input, this.side, this.colour, this.stack]));
  #reference = $derived.by((): string | null => {
    const answer = this.shown?.answer;
    if (!answer) return null;
    return this.see
      ? `${answer.source}#${this.see}@value`
      : at(`${answer.source}#${answer.path}@value`, [0, ...this.place]);
  });

  constructor() {
    super();
    $effect(() => {
      if (this.#asked) untrack(() => this.#open());
    });
    $effect(() => {
      const ref = this.#reference;
      if (ref) untrack(() => this.#look(ref));
    });
    $effect(() => link.onReopen(() => this.#open()));
  }

  #open(): void {
    const { operation, input, side, colour, stack } = this;
    this.busy = true;
    const samples = !this.samples.length;
    this.#opening = link.ask(
      { type: "open_workshop", operation, input, side, colour, stack, samples, view: "page" },
      (answer, tensors) => {
        if (answer.request !== this.#opening) return;
        if (answer.type === "workshop") {
          const rest = [...tensors];
          const first = rest.shift()!;
          const weight = answer.planes.length ? rest.shift()! : null;
          this.shown = { answer, operation, input: first, weight, output: rest.shift()! };
          if (answer.samples.length) {
            this.samples = answer.samples;
            this.thumbnails = rest.shift() ?? null;
          }
          this.failure = null;
        }
        if (answer.type === "failure") this.failure = answer;
        if (answer.type === "failure" || answer.type === "done") this.busy = false;
      },
    );
  }

  #look(ref: string): void {
    this.#looking = link.ask(
      { type: "explain_number", ref, limit: TERMS, view: "page" },
      (answer, tensors) => {
        if (answer.request !== this.#looking) return;
        if (answer.type === "explained") {
          this.cardFailure = null;
          if (!this.#fetchWindows(answer, tensors)) {
            this.windows = null;
            this.explained = answer;
          }
        }
        if (answer.type === "failure") {
          this.explained = this.windows = null;
          this.cardFailure = answer;
        }
      },
    );
  }

  /** The pictures of the channels that a convolution reads; the card is shown when all are here, so that nothing moves. */
  #fetchWindows(explained: Explained, parts: Tensor[]): boolean {
    const [window, kernel, product, part] = parts;
    const looks = explained.window;
    if (!window || !kernel || !product || !part || !looks) return false;
    if (kernel.shape.slice(1).every((side) => side === 1)) return false;
    const channels = Array.from(part.data, (_, c) => c);
    const inputs: Windowed["inputs"] = new Map();
    const turn = this.#looking;
    for (const c of channels) {
      const ref = at(window.ref, [0, looks.channel + c, 0, 0]);
      link.ask({ type: "fetch_plane", ref, view: `window ${c}` }, (answer, tensors) => {
        if (answer.type !== "plane" || !answer.axes || !tensors[0] || turn !== this.#looking) return;
        inputs.set(c, { axes: answer.axes, reach: answer.reach, tensor: tensors[0] });
        if (inputs.size < channels.length) return;
        this.windows = { window, kernel, product, part, channels, inputs };
        this.explained = explained;
      });
    }
    return true;
  }

  /** Change the operation; what is as usual does not stand in the address. */
  change(changes: Partial<Operation>): void {
    const which = changes.do ?? this.operation.do;
    const usual = { ...PLAIN, ...USUAL[which] };
    const values: Record<string, string | null> = { see: null };
    if (changes.do) {
      for (const name of Object.keys(PLAIN)) values[name] = null;
      values.at = null;
      values.do = changes.do === "conv" ? null : changes.do;
    }
    for (const [name, value] of Object.entries(changes))
      if (name !== "do") values[name] = value === usual[name as keyof Operation] ? null : String(value);
    address.set(values);
  }

  move(row: number, column: number, channel = this.place[0]): void {
    address.set({ at: [channel, row, column].join(","), see: null }, false);
  }

  /** Look at what a number was made of. */
  follow(ref: string): void {
    const found = parse(ref);
    if (!found || found.path.startsWith("conv.")) return;
    if (found.path === this.shown?.answer.path) {
      const [, channel = 0, row = 0, column = 0] = found.index;
      this.move(row, column, channel);
    } else address.set({ see: `${found.path}[${found.index.join(",")}]` });
  }

  read(id: string, step = true): void {
    address.set({ input: `upload:${id}`, see: null }, step);
  }
}

/** A whole number of the address; what is too large for anything is left to the program to refuse. */
function whole(words: string | null, first: number): number {
  return words !== null && /^-?\d{1,9}$/.test(words) ? Number(words) : first;
}

function number(words: string | null): number | null {
  const value = Number(words);
  return words !== null && words !== "" && Number.isFinite(value) ? value : null;
}
