/** What the page knows of a translation: its tree, encoder and decoder at one branch, and the open head. */
import { untrack } from "svelte";
import { address } from "../../../lib/address.svelte";
import { link } from "../../../lib/link.svelte";
import type {
  Failure,
  HeadOff,
  PairHeadRead,
  PairPatch,
  PairRead,
  PairSlopes,
  Translated,
} from "../../../lib/messages";
import type { Tensor } from "../../../lib/tensors";
import { numbers, whole, within } from "../../../lib/addressed";
import type { Models } from "../models.svelte";
import {
  headOf,
  readHead,
  readOff,
  readPatched,
  same,
  wordOfPatch,
  writtenOff,
  writtenPatched,
  type Part,
} from "./parts";
import { path } from "./tree";

export interface Pair {
  answer: PairRead;
  lengths: { encoder: Tensor; decoder: Tensor };
  sure: Tensor;
  weights: Record<Part, Tensor>;
}

export const MOST_BEAMS = 8;
const INSIDE = { written: null, position: null, followed: null, key: null, row: null };

export class TranslatorState {
  tree = $state.raw<Translated | null>(null);
  pair = $state.raw<Pair | null>(null);
  head = $state.raw<{ answer: PairHeadRead; parts: Tensor[] } | null>(null);
  slopes = $state.raw<{ answer: PairSlopes; encoder: Tensor; decoder: Tensor } | null>(null);
  /** Why nothing was translated, and why nothing could be looked into. */
  #refused = $state.raw<Failure | null>(null);
  #closed = $state.raw<Failure | null>(null);
  failure = $derived(this.#refused ?? this.#closed);
  busy = $state(false);
  #translating = 0;
  #opening = 0;
  #models: Models;

  text = $derived(address.get("text"));
  beams = $derived(Math.round(within(address.get("beams"), 1, MOST_BEAMS, 4)));
  penalty = $derived(within(address.get("penalty"), 0, 3, 1));
  off = $derived(readOff(address.get("off")));
  patched = $derived(readPatched(address.get("patched")));
  other = $derived(address.get("other"));
  /** How much is changed. */
  changes = $derived(this.off.length + this.patched.length);
  backward = $derived(address.get("direction") === "backward");
  /** The tokens of the chosen path, without the mark of its end. */
  chosen = $derived.by((): number[] => {
    const { tree } = this;
    if (!tree) return [];
    const last = tree.best.at(-1)!;
    const ids = path(tree.branches, last);
    return tree.branches[last]!.ended ? ids.slice(0, -1) : ids;
  });
  written = $derived(address.get("written") === null ? this.chosen : numbers(address.get("written")));
  position = $derived(Math.min(whole(address.get("position")) ?? 0, this.written.length));
  /** What is looked at is the token that comes next; at the end of the chosen path, its end. */
  followed = $derived.by((): number | null => {
    const named = whole(address.get("followed"));
    if (named !== null) return named;
    const { tree } = this;
    const last = tree && address.get("written") === null ? tree.branches[tree.best.at(-1)!] : undefined;
    return this.written[this.position] ?? (last?.ended ? last.word.id : null);
  });
  open = $derived.by((): HeadOff | null => {
    const found = readHead(address.get("head"));
    const read = this.pair?.answer;
    return found && read && found.layer < read.layers && found.head < read.heads ? found : null;
  });
  /** Of an open head's matrix. */
  row = $derived.by((): number => {
    const read = this.pair?.answer;
    if (this.open?.part !== "encoder" || !read) return read?.position ?? 0;
    return Math.min(whole(address.get("row")) ?? read.head[2]!, read.read.length - 1);
  });
  column = $derived.by((): number => {
    const { open, pair, row } = this;
    if (!open || !pair) return 0;
    const weights = rowOf(pair.weights[open.part], open, row);
    const last = open.part === "decoder" ? row : weights.length - 1;
    const named = whole(address.get("key"));
    if (named !== null && named <= last) return named;
    return [...weights].reduce((best, value, at) => (value > weights[best]! ? at : best), 0);
  });
  #wanted = $derived.by(() => JSON.stringify([this.#models.name, this.text, this.beams, this.penalty]));
  #inside = $derived.by(() =>
    JSON.stringify([
      this.written,
      this.position,
      this.followed,
      this.off,
      this.patched,
      this.patched.length && this.other,
    ]),
  );

  constructor(models: Models) {
    this.#models = models;
    $effect(() => link.onReopen(() => this.#translate()));
    $effect(() => {
      void this.#wanted;
      untrack(() => this.#translate());
    });
    $effect(() => {
      void this.#inside;
      const { tree } = this;
      if (tree) untrack(() => this.#open(tree));
    });
    $effect(() => {
      const { pair, open, row, column } = this;
      if (pair && open) untrack(() => this.#head(pair.answer, open, row, column));
      else untrack(() => (this.head = null));
    });
    $effect(() => {
      const { pair, backward } = this;
      if (pair && backward && !pair.answer.base) untrack(() => this.#slopes(pair.answer));
      else untrack(() => (this.slopes = null));
    });
  }

  #translate(): void {
    const network = this.#models.name;
    if (!network) return;
    const { text, beams, penalty } = this;
    this.busy = true;
    this.#translating = link.ask({ type: "translate", network, text, beams, penalty }, (answer) => {
      if (answer.request !== this.#translating) return;
      if (answer.type === "translated") {
        this.tree = answer;
        this.#refused = null;
      }
      if (answer.type === "failure") this.#refused = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
  }

  #open(tree: Translated): void {
    const { written, position, followed, off, patched } = this;
    const { source } = tree;
    const other = patched.length ? this.other : null;
    this.#opening = link.ask(
      { type: "open_pair", source, written, position, followed, off, patched, other },
      (answer, tensors) => {
        if (answer.request !== this.#opening) return;
        if (answer.type === "pair_read") {
          const [encoder, decoder, sure, own, past, cross] = tensors as [
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
            Tensor,
          ];
          const weights = { encoder: own, decoder: past, cross };
          this.#closed = null;
          this.pair = { answer, lengths: { encoder, decoder }, sure, weights };
        }
        if (answer.type === "failure") this.#closed = answer;
      },
    );
  }

  #head(read: PairRead, one: HeadOff, row: number, column: number): void {
    const { source, position, followed } = read;
    link.ask(
      { type: "open_pair_head", source, ...one, row, column, position, token: followed.id },
      (answer, tensors) => {
        const now = this.open;
        if (answer.type === "pair_head_read" && this.pair?.answer === read && now && same(now, one))
          this.head = { answer, parts: [...tensors] };
        if (answer.type === "failure") this.#closed = answer;
      },
    );
  }

  #slopes(read: PairRead): void {
    const { source, position, followed } = read;
    link.ask({ type: "open_pair_slopes", source, position, token: followed.id }, (answer, tensors) => {
      if (answer.type === "pair_slopes" && this.pair?.answer === read)
        this.slopes = { answer, encoder: tensors[0]!, decoder: tensors[1]! };
      if (answer.type === "failure") this.#closed = answer;
    });
  }

  type(text: string): void {
    address.set({ text, off: null, patched: null, other: null, ...INSIDE });
  }

  search(name: "beams" | "penalty", value: string): void {
    address.set({ [name]: value, ...INSIDE }, false);
  }

  /** Look inside where a branch was written. */
  look(branch: number): void {
    const tree = this.tree;
    const one = tree?.branches[branch];
    if (!tree || !one) return;
    if (tree.best.includes(branch)) {
      address.set({ ...INSIDE, position: String(one.step) });
      return;
    }
    const ids = path(tree.branches, branch);
    const written = (one.ended ? ids.slice(0, -1) : ids).join(",");
    const followed = one.ended ? String(one.word.id) : null;
    address.set({ ...INSIDE, written, position: String(one.step), followed });
  }

  /** Go another way: this token, where one is looked at now. */
  take(token: number): void {
    const written = this.written.slice(0, this.position);
    const end = this.tree?.branches.find((one) => one.ended)?.word.id;
    if (token === end)
      address.set({
        ...INSIDE,
        written: written.join(","),
        position: String(this.position),
        followed: String(token),
      });
    else address.set({ ...INSIDE, written: [...written, token].join(","), position: String(this.position) });
  }

  move(position: number): void {
    const to = Math.min(this.written.length, Math.max(0, position));
    address.set({ position: String(to), followed: null, key: null }, false);
  }

  /** From which token of the phrase a head of the encoder looks. */
  ask(row: number): void {
    address.set({ row: String(row), key: null }, false);
  }

  show(one: HeadOff): void {
    address.set({ head: headOf(one), key: null, row: null });
  }

  change(one: HeadOff): void {
    address.set({ off: writtenOff([...this.off.filter((each) => !same(each, one)), one]) });
  }

  /** Streams of another phrase's run in place of those of this. */
  patch(other: string, streams: PairPatch[]): void {
    const followed = this.followed ?? this.pair?.answer.followed.id;
    address.set({
      other,
      patched: writtenPatched(streams),
      followed: followed === undefined ? null : String(followed),
    });
  }

  unpatch(one: PairPatch): void {
    const left = this.patched.filter((each) => wordOfPatch(each) !== wordOfPatch(one));
    address.set({ patched: writtenPatched(left), ...(left.length ? {} : { other: null }) });
  }

  undo(one?: HeadOff): void {
    const left = one ? this.off.filter((each) => !same(each, one)) : [];
    address.set({ off: writtenOff(left), ...(one ? {} : { patched: null, other: null }) });
  }
}

/** The address of a weight of a head. */
export const weightRef = (
  source: string,
  { part, layer, head }: HeadOff,
  row: number,
  column: number,
): string => `${source}#attention/${part}/${layer}[${head},${row},${column}]@value`;

/** A row of a head's weights. */
export function rowOf(
  weights: Tensor,
  { layer, head }: { layer: number; head: number },
  row: number,
): Tensor["data"] {
  const [, heads, rows, columns] = weights.shape as [number, number, number, number];
  const from = ((layer * heads + head) * rows + row) * columns;
  return weights.data.subarray(from, from + columns);
}
