/** What leads through a lesson: its step as the address names it, and whether the reader has done what it asks. */
import { untrack } from "svelte";
import { SvelteSet } from "svelte/reactivity";
import { address } from "../../lib/address.svelte";
import { language } from "../../lib/language.svelte";
import { link } from "../../lib/link.svelte";
import type { Condition, Failure, LectureLesson, LectureStep, LessonCard } from "../../lib/messages";
import { progress } from "../../lib/progress.svelte";

const NAMED = /^([a-z0-9-]+)\.(\d{1,3})$/;

export class Player {
  lesson = $state.raw<LectureLesson | null>(null);
  failure = $state.raw<Failure | null>(null);
  /** What the address held when the step began. */
  #began = $state.raw<Record<string, string>>({});
  #clicked = new SvelteSet<string>();
  /** Steps that the reader has done; going back to one does not ask for it again. */
  #finished = new SvelteSet<string>();

  #named = $derived(NAMED.exec(address.get("lesson") ?? ""));
  name = $derived(this.#named?.[1] ?? null);
  count = $derived(this.lesson?.steps.length ?? 0);
  at = $derived(Math.min(Math.max(1, Number(this.#named?.[2] ?? 1)), Math.max(1, this.count)));
  step = $derived<LectureStep | null>(this.lesson?.steps[this.at - 1] ?? null);
  last = $derived(this.at === this.count);
  projector = $derived(address.get("projector") === "1");
  #here = $derived(`${this.name}.${this.at}`);
  #met = $derived(!!this.step && this.step.done.every((one) => this.#holds(one)));
  /** Whether nothing is left to try. */
  tried = $derived(!this.step?.done.length || this.#finished.has(this.#here) || this.#met);

  constructor() {
    $effect(() => {
      const { name } = this;
      if (name) untrack(() => this.#open(name));
    });
    $effect(() => link.onReopen(() => this.name && this.#open(this.name)));
    $effect(() => {
      void this.#here;
      untrack(() => {
        this.#began = { ...address.values };
        this.#clicked.clear();
        if (this.lesson && this.name) progress.reach(this.name, this.at);
      });
    });
    $effect(() => {
      if (this.#met && this.step?.done.length) this.#finished.add(untrack(() => this.#here));
    });
  }

  #open(name: string): void {
    if (this.lesson?.card.name !== name) this.lesson = null;
    link.ask({ type: "open_lecture_lesson", name, language: language.spoken }, (answer) => {
      if (name !== this.name) return;
      if (answer.type === "lecture_lesson") {
        this.lesson = answer;
        this.failure = null;
        progress.reach(name, this.at);
      }
      if (answer.type === "failure") this.failure = answer;
    });
  }

  #holds(condition: Condition): boolean {
    const { how, name, value } = condition;
    if (how === "click") return this.#clicked.has(value!);
    const now = name === "page" ? address.page : address.get(name);
    if (how === "has") return now !== null;
    if (how === "begins") return (now ?? "").startsWith(value!);
    if (how === "changes") return (now ?? "") !== (this.#began[name] ?? "");
    return (now ?? "") === value;
  }

  /** Something was clicked: perhaps what the step waits for. */
  clicked(target: EventTarget | null): void {
    for (const { how, value } of this.step?.done ?? []) {
      if (how === "click" && target instanceof Element && find(value!, target)) this.#clicked.add(value!);
    }
  }

  /** Come to the state in which the step is done; where none can be named, to what has to be pressed. */
  show(): void {
    const { step } = this;
    if (step?.shows) this.#go(step.shows.page, step.shows.values, this.at);
    else this.point();
  }

  /** Go to what has to be pressed. */
  point(): void {
    const mark = marked(this.step?.mark ?? "").find((one) => one.getBoundingClientRect().width > 0);
    mark?.scrollIntoView({ block: "center" });
    mark?.focus({ preventScroll: true });
  }

  /** To another step. One that goes on from where the reader is leaves the page as it stands. */
  go(to: number): void {
    const next = this.lesson?.steps[to - 1];
    if (!next) return;
    if (to === this.at + 1 && next.stays && this.tried) address.set({ lesson: `${this.name}.${to}` });
    else this.#go(next.opens.page, next.opens.values, to);
  }

  next(): void {
    if (!this.last) return this.go(this.at + 1);
    if (!this.name || !this.lesson) return;
    progress.finish(this.name);
    const { follows } = this.lesson;
    if (follows && this.lesson.card.kind !== "tour") begin(follows, this.projector);
    else leave();
  }

  back(): void {
    if (this.at > 1) this.go(this.at - 1);
  }

  project(): void {
    address.set({ projector: this.projector ? null : "1" }, false);
  }

  #go(page: string, values: Record<string, string>, at: number): void {
    const led = { lesson: `${this.name}.${at}`, ...(this.projector ? { projector: "1" } : {}) };
    open(page, { ...values, ...led });
  }
}

/** Open a lesson, where the reader left it; on the projector, if it stands there. */
export function begin(card: LessonCard, projector = false): void {
  const left = progress.lessons[card.name];
  const values: Record<string, string> = { ...card.first.values };
  if (left && !left.finished && left.at > 1) values["lesson"] = `${card.name}.${left.at}`;
  if (projector) values["projector"] = "1";
  open(card.first.page, values);
}

/** Open a step's page at its top: how far the page before it was scrolled says nothing about this one. */
function open(page: string, values: Record<string, string>): void {
  address.go(page, values);
  scrollTo({ top: 0 });
}

/** To the table of contents. */
export function leave(): void {
  history.pushState(null, "", address.href("lecture"));
  dispatchEvent(new PopStateEvent("popstate"));
}

/** What a selector of a lesson finds; what is no selector finds nothing. */
export function marked(selector: string): HTMLElement[] {
  try {
    return [...document.querySelectorAll<HTMLElement>(selector)];
  } catch {
    return [];
  }
}

function find(selector: string, target: Element): boolean {
  try {
    return target.closest(selector) !== null;
  } catch {
    return false;
  }
}
