/** What the page of language models knows: the text as it was read, the open head, the next token, what is switched off. */
import { untrack } from "svelte";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type {
  Continued,
  Failure,
  HeadRead,
  Lens,
  Nexts,
  Number as Addressed,
  Sampled,
  Slopes,
  Switched,
  TextRead,
} from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { lanes, MOST_LANES } from "./geometry";
import type { Models } from "./models.svelte";
import { headIn, numbers, whole, within } from "../../lib/addressed";
import { readSwitched, withSwitched, wordOf, writtenSwitched } from "./switched";

const LISTED = 8;

interface Read {
  answer: TextRead;
  lengths: Tensor;
  heads: Tensor;
  attention: Tensor;
  /** How the position's stream begins: the token's vector, its place's where it has one, and their sum. */
  begins: Tensor[];
}

export class TransformerState {
  read = $state.raw<Read | null>(null);
  lens = $state.raw<{ answer: Lens; sure: Tensor; source: string } | null>(null);
  nexts = $state.raw<{ answer: Nexts; outline: Tensor } | null>(null);
  head = $state.raw<{ answer: HeadRead; parts: Tensor[]; off: Addressed | null } | null>(null);
  slopes = $state.raw<{ answer: Slopes; lengths: Tensor; weights: Tensor } | null>(null);
  continued = $state.raw<Continued | null>(null);
  failure = $state.raw<Failure | null>(null);
  busy = $state(false);
  writing = $state(false);
  #opening = 0;
  /** Of which text, position and settings the next tokens are, or will be. */
  #coming = "";
  #models: Models;

  text = $derived(address.get("text"));
  more = $derived(numbers(address.get("more")));
  switched = $derived(readSwitched(address.get("off")));
  other = $derived(address.get("other"));
  followed = $derived(whole(address.get("followed")));
  position = $derived(whole(address.get("position")));
  backward = $derived(address.get("direction") === "backward");
  how = $derived<Sampled>({
    temperature: within(address.get("temperature"), 0, 5, 0.9),
    top_k: Math.round(within(address.get("k"), 0, 100_000, 40)),
    top_p: within(address.get("p"), 0.01, 1, 0.95),
    min_p: within(address.get("minp"), 0, 1, 0),
    seed: whole(address.get("seed")) ?? 0,
  });
  /** Block and head of the open card. */
  open = $derived.by((): [number, number] | null => {
    const read = this.read?.answer;
    return read ? headIn(address.get("head"), read) : null;
  });
  column = $derived(whole(address.get("key")));
  #wanted = $derived.by(() =>
    JSON.stringify([
      this.#models.name,
      this.text,
      this.more,
      this.switched,
      this.switched.length ? this.other : null,
      this.followed,
      this.position,
    ]),
  );

  /** By its words: the settings are other objects after every change of the address. */
  #sampling = $derived(JSON.stringify(this.how));

  constructor(models: Models) {
    this.#models = models;
    $effect(() => link.onReopen(() => this.#open()));
    $effect(() => {
      void this.#wanted;
      if (this.#models.name) untrack(() => this.#open());
    });
    $effect(() => {
      const { read } = this;
      const coming = read && this.#named(read.answer, this.#sampling);
      if (read && coming !== this.#coming) untrack(() => this.#nexts(read.answer, this.how));
    });
    $effect(() => {
      const { read, open, column } = this;
      if (read && open) untrack(() => this.#head(read.answer, open, column));
      else untrack(() => (this.head = null));
    });
    $effect(() => {
      const { read, backward } = this;
      if (read && backward && !read.answer.base) untrack(() => this.#slopes(read.answer));
      else untrack(() => (this.slopes = null));
    });
  }

  #open(): void {
    const network = this.#models.name;
    const { text, more, switched, followed, position, how } = this;
    if (!network) return;
    this.busy = true;
    const other = switched.length ? this.other : null;
    const sampling = this.#sampling;
    const asked = { network, text, more, switched, other, followed, position, how, listed: LISTED };
    let lens: { answer: Lens; sure: Tensor } | null = null;
    this.#opening = link.ask({ type: "open_text", ...asked, lanes: MOST_LANES }, (answer, tensors) => {
      if (answer.request !== this.#opening) return;
      if (answer.type === "lens") lens = { answer, sure: tensors[0]! };
      if (answer.type === "text_read") {
        const [lengths, heads, attention, ...begins] = tensors;
        this.#coming = this.#named(answer, sampling);
        this.read = { answer, lengths: lengths!, heads: heads!, attention: attention!, begins };
        this.continued = null;
        this.failure = null;
        this.lens = lens && { ...lens, source: answer.source };
        this.#lens(answer);
      }
      if (answer.type === "nexts") this.nexts = { answer, outline: tensors[0]! };
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.busy = false;
    });
  }

  /** What the streams of some lanes would answer came before the text; those of the others that are drawn are read now. */
  #lens(read: TextRead): void {
    const { first, count } = lanes(read.pieces.length, read.position);
    if (this.lens?.answer.positions.length === count) return;
    const positions = Array.from({ length: count }, (_, i) => first + i);
    link.ask({ type: "read_lens", source: read.source, positions }, (answer, tensors) => {
      if (answer.type === "lens" && this.read?.answer === read)
        this.lens = { answer, sure: tensors[0]!, source: read.source };
    });
  }

  #named = (read: TextRead, sampling: string): string => `${read.source} ${read.position} ${sampling}`;

  #nexts(read: TextRead, how: Sampled): void {
    const { source, position } = read;
    this.#coming = this.#named(read, JSON.stringify(how));
    link.ask({ type: "next_tokens", source, position, how, listed: LISTED }, (answer, tensors) => {
      if (answer.type === "nexts" && this.read?.answer === read)
        this.nexts = { answer, outline: tensors[0]! };
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #head(read: TextRead, [layer, head]: [number, number], key: number | null): void {
    const { source, position: row, followed } = read;
    const own = read.head[0] === layer && read.head[1] === head ? read.head[2]! : 0;
    const column = Math.min(row, key ?? own);
    link.ask(
      { type: "open_head", source, layer, head, row, column, token: followed.id },
      (answer, tensors) => {
        if (
          answer.type === "head_read" &&
          this.read?.answer === read &&
          this.open?.join() === `${layer},${head}`
        )
          this.head = { answer, parts: [...tensors], off: null };
        const { head: one } = this;
        if (answer.type === "head_without" && one?.answer.request === answer.request)
          this.head = { ...one, off: answer.off };
        if (answer.type === "failure") this.failure = answer;
      },
    );
  }

  #slopes(read: TextRead): void {
    const { source, position, followed } = read;
    link.ask({ type: "open_slopes", source, position, token: followed.id }, (answer, tensors) => {
      if (answer.type === "slopes" && this.read?.answer === read)
        this.slopes = { answer, lengths: tensors[0]!, weights: tensors[1]! };
      if (answer.type === "failure") this.failure = answer;
    });
  }

  /** Write on from the position, several times at once. */
  writeOn(count: number, texts: number): void {
    const read = this.read?.answer;
    if (!read || this.writing) return;
    this.writing = true;
    const { source, position } = read;
    link.ask({ type: "continue", source, position, how: this.how, count, texts }, (answer) => {
      if (answer.type === "continued") this.continued = answer;
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") this.writing = false;
    });
  }

  /** Go on with these tokens after the position; what stood behind it is left. */
  take(tokens: number[]): void {
    const read = this.read?.answer;
    if (!read || this.busy) return;
    const behind = read.pieces.length - 1 - read.position;
    if (behind > this.more.length) {
      const kept = read.pieces.slice(0, read.position + 1);
      address.set({ text: kept.map((piece) => piece.text).join(""), more: tokens.join(","), ...FRESH });
      return;
    }
    const more = [...this.more.slice(0, this.more.length - behind), ...tokens];
    address.set({ more: more.join(","), ...FRESH });
  }

  draw(): void {
    const drawn = this.nexts?.answer.drawn;
    if (drawn) this.take([drawn.id]);
  }

  back(): void {
    if (!this.more.length) return;
    address.set({ more: this.more.slice(0, -1).join(",") || null, ...FRESH });
  }

  type(text: string): void {
    address.set({ text, more: null, off: null, ...FRESH });
  }

  look(position: number): void {
    address.set({ position: String(position), followed: null, key: null }, false);
  }

  show(layer: number, head: number): void {
    address.set({ head: `${layer}.${head}`, key: null });
  }

  change(one: Switched): void {
    const followed = this.followed ?? this.read?.answer.followed.id;
    address.set({ off: writtenSwitched(withSwitched(this.switched, one)), followed: String(followed) });
  }

  undo(one?: Switched): void {
    const left = one ? this.switched.filter((each) => wordOf(each) !== wordOf(one)) : [];
    address.set({ off: writtenSwitched(left), ...(left.length ? {} : { other: null }) });
  }
}

const FRESH = { position: null, followed: null, key: null };
