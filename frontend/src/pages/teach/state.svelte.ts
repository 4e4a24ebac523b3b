/** What the page of one's own classes knows before a run is begun: the pictures, and how it would begin. */
import { untrack } from "svelte";
import type { Refusal } from "../../chrome/input/upload";
import { address } from "../../lib/address.svelte";
import { link } from "../../lib/link.svelte";
import type { Beginning, Failure, LookedAt, RunCard, Varied } from "../../lib/messages";
import type { Tensor } from "../../lib/tensors";
import { text } from "../../lib/text";
import type { Collected } from "./collect";
import { refused } from "./refusing";

const MOST_BYTES = 20 * 2 ** 20;
const AT_ONCE = 4;
export const RECIPE = "classify";

export class TeachState {
  looked = $state.raw<LookedAt | null>(null);
  thumbnails = $state.raw<Tensor | null>(null);
  varied = $state.raw<{ answer: Varied; read: Tensor; learned: Tensor } | null>(null);
  /** How far looking has come. */
  working = $state.raw<{ done: number; of: number } | null>(null);
  /** How far sending has come. */
  sending = $state.raw<{ done: number; of: number } | null>(null);
  /** Pictures that could not even be sent. */
  unsent = $state.raw<{ path: string; why: string }[]>([]);
  failure = $state.raw<Failure | null>(null);
  variedFailure = $state.raw<Failure | null>(null);
  refusal = $state.raw<Refusal | null>(null);
  runs = $state.raw<RunCard[]>([]);
  busy = $state(false);
  starting = $state(false);
  readonly backward = false;
  #cancelled = false;
  #looking = 0;

  run = $derived(address.get("run"));
  pictures = $derived(address.get("pictures"));
  /** The network to begin from; "none" stands in the address for none. */
  beginning = $derived.by((): Beginning | null => {
    const all = this.looked?.beginnings ?? [];
    const wanted = address.get("from");
    const name = wanted === "none" ? "" : (wanted ?? this.looked?.suggested);
    return all.find((one) => one.name === name) ?? null;
  });
  /** What differs from the recipe: what suits the beginning, and what the reader has set. */
  changed = $derived.by((): Record<string, string> => {
    const own = Object.fromEntries(
      (address.get("set") ?? "")
        .split(",")
        .map((pair) => pair.split("="))
        .filter((pair): pair is [string, string] => pair.length === 2 && pair[0] !== ""),
    );
    return { ...this.beginning?.settings, ...own };
  });
  #asked = $derived(
    this.looked && !this.looked.refusal && this.beginning && !this.beginning.todo && !this.run
      ? JSON.stringify([this.pictures, this.beginning.name, this.changed])
      : "",
  );

  constructor() {
    $effect(() => {
      const { pictures, run } = this;
      untrack(() => (pictures && !run ? this.#look(pictures) : undefined));
    });
    $effect(() => {
      if (this.#asked) untrack(() => this.#show());
    });
    $effect(() => link.onReopen(() => this.pictures && !this.run && this.#look(this.pictures)));
    $effect(() => {
      if (!this.run) untrack(() => this.#list()); // a run's own panel asks for them itself
    });
  }

  /** A setting as the run would have it. */
  setting(name: string): string {
    return this.changed[name] ?? String(this.looked?.settings[name] ?? "");
  }

  set(name: string, value: string): void {
    const own = new Map(
      (address.get("set") ?? "").split(",").flatMap((pair) => {
        const [key, was] = pair.split("=");
        return key && was !== undefined ? [[key, was] as const] : [];
      }),
    );
    own.set(name, value);
    address.set({ set: [...own].map((pair) => pair.join("=")).join(",") }, false);
  }

  #list(): void {
    link.ask({ type: "list_runs" }, (answer) => {
      if (answer.type === "run_list") this.runs = answer.runs.filter(({ recipe }) => recipe === RECIPE);
    });
  }

  #look(pictures: string): void {
    if (this.looked?.pictures !== pictures) this.looked = this.thumbnails = this.varied = null;
    this.failure = null;
    this.busy = true;
    this.#looking = link.ask({ type: "look_at_pictures", pictures }, (answer, tensors) => {
      if (answer.request !== this.#looking) return;
      if (answer.type === "working") this.working = answer;
      if (answer.type === "looked_at") {
        this.looked = answer;
        this.thumbnails = tensors[0] ?? null;
      }
      if (answer.type === "failure") this.failure = answer;
      if (answer.type === "failure" || answer.type === "done") {
        this.busy = false;
        this.working = null;
      }
    });
  }

  #show(): void {
    const { pictures, beginning, changed } = this;
    link.ask(
      { type: "show_varied", pictures: pictures!, start: beginning!.name, settings: changed },
      (answer, tensors) => {
        if (answer.type === "varied") {
          this.varied = { answer, read: tensors[0]!, learned: tensors[1]! };
          this.variedFailure = null;
        }
        if (answer.type === "failure") this.variedFailure = answer;
      },
    );
  }

  /** Take pictures that were dropped or chosen: into a set, one after another. */
  async take(given: Collected): Promise<void> {
    this.refusal = refused(given);
    if (this.refusal) return;
    this.#cancelled = false;
    this.unsent = given.loose.map((path) => ({ path, why: text("teach.loose") }));
    this.sending = { done: 0, of: given.found.length };
    try {
      const { id } = (await (await post("sets")).json()) as { id: string };
      for (const kind of given.empty) await post(`sets/${id}?${new URLSearchParams({ class: kind })}`);
      const waiting = [...given.found];
      const worker = async (): Promise<void> => {
        for (let one = waiting.shift(); one && !this.#cancelled; one = waiting.shift()) {
          await this.#send(id, one);
          this.sending = { done: this.sending!.done + 1, of: given.found.length };
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
      if (!this.#cancelled) address.go("teach", { pictures: `set:${id}` });
    } catch {
      this.refusal = { what: text("teach.lost"), where: "POST sets", why: text("link.lost"), todo: text("teach.again") }; // prettier-ignore
    } finally {
      this.sending = null;
    }
  }

  async #send(id: string, { kind, name, file }: Collected["found"][number]): Promise<void> {
    const path = `${kind}/${name}`;
    const large = file.size > MOST_BYTES;
    if (large)
      this.unsent = [...this.unsent, { path, why: text("teach.heavy", { most: MOST_BYTES / 2 ** 20 }) }];
    if (large) return;
    const answer = await post(`sets/${id}?${new URLSearchParams({ class: kind, name })}`, file);
    if (answer.ok || [400, 413, 415, 422].includes(answer.status)) return; // what was refused, the set knows
    const { why } = (await answer.json()) as Refusal;
    this.unsent = [...this.unsent, { path, why }];
  }

  cancel(): void {
    this.#cancelled = true;
  }

  begin(): void {
    const { pictures, beginning } = this;
    if (!pictures || !beginning || this.starting) return;
    this.starting = true;
    link.ask(
      { type: "start_run", recipe: RECIPE, settings: this.changed, pictures, start: beginning.name },
      (answer) => {
        if (answer.type === "steered") address.go("teach", { run: answer.run });
        if (answer.type === "failure") this.variedFailure = answer;
        if (answer.type === "failure" || answer.type === "done") this.starting = false;
      },
    );
  }
}

const post = (where: string, body: Blob | null = null): Promise<Response> =>
  fetch(where, { method: "POST", body, headers: body ? { "Content-Type": body.type || "image/png" } : {} });
