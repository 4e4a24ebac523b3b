/** What the page knows of a graph: the run that the address names, what is folded, and the number that is open. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import type { Edit, Graph } from "../../lib/messages";
import { parse } from "../../lib/refs";
import { read, write } from "./changes";
import { asThreshold } from "./found";
import { reach } from "../../figures/graph/cells";
import { COSTS, type Cost } from "../../figures/graph/cost";
import type { Range } from "../../figures/map/ranges";
import { AskedNumber } from "../../figures/opened/asked.svelte";
import type { Tensor } from "../../lib/tensors";
import { text, type Key } from "../../lib/text";
import { NetworkReader } from "../../chrome/input/networkReader.svelte";
import { TraceFile } from "../../chrome/input/traceFile.svelte";
import type { Refusal } from "../../chrome/input/upload";

/** What stands before the id of a trace file. */
const GIVEN = "given:";
export const LEVELS = ["stages", "blocks", "operations"] as const;
export type Level = (typeof LEVELS)[number];

/** What an address that names nothing stands for. */
interface First {
  network?: string;
  input?: string;
  level?: Level;
}

export class GraphState extends NetworkReader {
  #first: First = {};
  graph = $state.raw<Graph | null>(null);
  /** `path@what`, without the source: the drawn numbers of each column. */
  tensors = $state.raw(new Map<string, Tensor>());
  #asked = new AskedNumber();
  explained = $derived(this.#asked.explained);
  plane = $derived(this.#asked.plane);
  /** Of an open convolution's number: what its input channels give. */
  windows = $derived(this.#asked.windows);
  trail = $derived(this.#asked.trail);
  cardFailure = $derived(this.#asked.failure);
  file = new TraceFile();
  #shown = $state.raw("");

  network = $derived(address.get("network") ?? this.#first.network ?? this.networks[0]?.name ?? null);
  input = $derived(address.get("input") ?? this.#first.input ?? null);
  at = $derived(address.get("at"));
  backward = $derived(address.get("direction") === "backward" && (this.graph?.backward ?? true));
  level = $derived<Level>(
    LEVELS.find((one) => one === address.get("level")) ?? this.#first.level ?? "blocks",
  );
  unfolded = $derived(address.get("open")?.split(" ") ?? []);
  folded = $derived(address.get("shut")?.split(" ") ?? []);
  edits = $derived(read(address.get("edits")));
  /** Boxes of a detector are shown whose score is above this. */
  threshold = $derived(asThreshold(address.get("threshold")));
  cost = $derived<Cost>(COSTS.find((one) => one === address.get("cost")) ?? "macs");
  /** Changes that were taken back, the last one first. */
  undone = $state.raw<Edit[]>([]);
  card = $derived(this.networks.find((one) => one.name === this.network) ?? this.graph?.network ?? null);
  /** What is being opened, in words. */
  title = $derived(
    this.network && (this.card?.title ?? (this.network.startsWith(GIVEN) ? text("file.one") : this.network)),
  );
  /** Whether what can't be shown is a trace file that went with an earlier program. */
  asksForFile = $derived(!!this.network?.startsWith(GIVEN));
  protected wanted = $derived(
    JSON.stringify([this.network, this.input, this.level, this.unfolded, this.folded, this.edits]),
  );
  /** Whether something can be changed where a number is open: what a fused function hides runs as a whole. */
  changeable = $derived(
    this.graph !== null &&
      !this.graph.network.saved &&
      !this.graph.failure &&
      !this.explained?.path.includes("/"),
  );
  /** What the colours of the columns are. */
  scale = $derived.by((): Key => {
    if (this.graph?.edits.length) return this.backward ? "whatif.scaleSlope" : "whatif.scale";
    return this.backward ? "graph.scaleSlope" : "graph.scale";
  });
  /** Whether what is shown is what the address names. */
  current = $derived(this.#shown === this.wanted);

  constructor(first: First = {}) {
    super();
    this.#first = first;
    $effect(() => {
      const { graph, at: where, backward } = this;
      if (graph && where)
        untrack(() => this.#asked.ask(`${graph.source}#${where}@${backward ? "grad" : "value"}`));
      else untrack(() => this.#forget());
    });
  }

  protected run(network: string): void {
    const { input, level, unfolded, folded, edits, wanted } = this;
    let graph: Graph | null = null;
    this.ask(
      {
        type: "open_graph",
        network,
        input,
        level,
        opened: unfolded,
        shut: folded,
        backward: true,
        edits,
        view: "page",
      },
      (answer, tensors) => {
        if (answer.type === "graph") graph = answer;
        if (answer.type !== "maps" || !graph) return;
        if (this.graph?.source !== graph.source) this.#forget();
        this.tensors = new Map(tensors.map((tensor) => [key(tensor.ref), tensor]));
        this.graph = graph;
        this.#shown = wanted;
        this.failure = null;
      },
    );
  }

  #forget(): void {
    this.#asked.forget();
  }

  openNumber(path: string, index: number[], step = true): void {
    address.set({ at: `${path}${index.length ? `[${index.join(",")}]` : ""}` }, step);
  }

  follow(ref: string): void {
    const found = parse(ref);
    if (found) this.openNumber(found.path, found.index);
  }

  /** Where the colours of a stop end: with its column's, where that is shown. */
  rangeOf(path: string): Range {
    const shown = this.graph?.columns.find((one) => one.path === path);
    const own = this.trail.find((one) => one.path === path)!.number;
    const found = (shown && reach(shown, this.backward)) ?? own;
    return { range: Math.abs(found.value), end: found, extreme: found, clipped: false };
  }

  /** On along the trail, to what gives the open number most. */
  followLargest(): void {
    const at = this.trail.findIndex((stop) => stop.number.ref === this.explained?.ref);
    const next = this.trail[at + 1];
    if (next) this.follow(next.number.ref);
  }

  setThreshold(threshold: number): void {
    address.set({ threshold: String(threshold) }, false);
  }

  unfold(key: string): void {
    address.set({
      open: [...new Set([...this.unfolded, key])].join(" "),
      shut: this.#without(this.folded, key),
    });
  }

  fold(path: string): void {
    address.set({
      shut: [...new Set([...this.folded, path])].join(" "),
      open: this.#without(this.unfolded, path),
    });
  }

  #without(list: string[], key: string): string | null {
    return list.filter((one) => one !== key).join(" ") || null;
  }

  change(edit: Edit): void {
    const same = (one: Edit): boolean =>
      one.at === edit.at && one.axis === edit.axis && one.index.join() === edit.index.join();
    this.undone = [];
    address.set({ edits: write([...this.edits.filter((one) => !same(one)), edit]) });
  }

  undo(): void {
    const last = this.edits.at(-1);
    if (last) this.undone = [last, ...this.undone];
    address.set({ edits: write(this.edits.slice(0, -1)) });
  }

  redo(): void {
    const [next, ...rest] = this.undone;
    if (next) address.set({ edits: write([...this.edits, next]) });
    this.undone = rest;
  }

  unchange(at: number): void {
    address.set({ edits: write(this.edits.filter((_, i) => i !== at)) });
  }

  close(): void {
    address.set({ at: null });
  }

  /** A picture for the network, or a run that was saved in a file. */
  override async give(picture: Blob | null | undefined): Promise<void> {
    if (!picture) return;
    if (picture instanceof File && !picture.type.startsWith("image/")) return this.openFile(picture);
    if (this.graph?.network.saved) {
      this.refusal = savedReads(this.graph.network.title);
      return;
    }
    await super.give(picture);
  }

  chooseFile(): void {
    this.file.choose((file) => void this.openFile(file));
  }

  async openFile(file: File): Promise<void> {
    this.refusal = null;
    const answer = await this.file.send(file);
    if (!answer) return;
    if ("refusal" in answer) {
      this.refusal = answer.refusal;
      return;
    }
    this.show(answer.network);
    this.listNetworks();
  }

  /** Another network, as it is at first. */
  show(network: string): void {
    address.set({ network, input: null, at: null, open: null, shut: null, edits: null, threshold: null });
  }

  read(id: string, step = true): void {
    address.set({ input: `upload:${id}` }, step);
  }
}

const savedReads = (title: string): Refusal => ({
  what: text("saved.picture"),
  where: title,
  why: text("saved.why"),
  todo: text("saved.todo"),
});
const key = (ref: string): string => ref.slice(ref.indexOf("#") + 1);
