/** How far the reader came in each lesson. It stays on this machine. */
const KEY = "glasswork-lecture";

export interface Reached {
  /** The step that was open last. */
  at: number;
  finished: boolean;
}

function kept(): Record<string, Reached> {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof found !== "object" || found === null) return {};
    return Object.fromEntries(
      Object.entries(found as Record<string, Partial<Reached>>).filter((pair): pair is [string, Reached] =>
        Number.isInteger(pair[1]?.at),
      ),
    );
  } catch {
    return {}; // storage can be forbidden, or hold what another program left
  }
}

class Progress {
  lessons = $state.raw(kept());

  /** A step is open. */
  reach(name: string, at: number): void {
    if (this.lessons[name]?.at === at) return;
    this.#keep({ ...this.lessons, [name]: { at, finished: this.lessons[name]?.finished ?? false } });
  }

  finish(name: string): void {
    this.#keep({ ...this.lessons, [name]: { at: 1, finished: true } });
  }

  #keep(lessons: Record<string, Reached>): void {
    this.lessons = lessons;
    try {
      localStorage.setItem(KEY, JSON.stringify(lessons));
    } catch {
      // known until the page is left
    }
  }
}

export const progress = new Progress();
