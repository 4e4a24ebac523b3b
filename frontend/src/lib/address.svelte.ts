/** The page's state as it stands in the address: what is open can be sent to someone, and Back goes back. */
const PAUSE = 250;
/** What belongs to the lesson that leads through the pages: it stays when the page changes, until one goes home. */
const LEADING = ["lesson", "projector"];

export class Address {
  page = $state("");
  values = $state<Record<string, string>>({});

  /** Small steps, such as a drag, are written when they pause: browsers refuse more than a few writes a second. */
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.#read();
    addEventListener("popstate", () => {
      clearTimeout(this.#later);
      this.#read();
    });
  }

  get(name: string): string | null {
    return this.values[name] ?? null;
  }

  /** Change some values (null takes one away). A step that one would want to go back over is kept in the history. */
  set(changes: Record<string, string | null>, step = true): void {
    const kept = Object.entries({ ...this.values, ...changes }).filter((pair) => pair[1] !== null);
    const values = Object.fromEntries(kept) as Record<string, string>;
    if (JSON.stringify(values) === JSON.stringify(this.values)) return;
    const left = this.values;
    this.values = values;
    clearTimeout(this.#later);
    if (!step) {
      this.#later = setTimeout(() => history.replaceState(null, "", this.href(this.page, values)), PAUSE);
      return;
    }
    history.replaceState(null, "", this.href(this.page, left)); // what was not written yet is a place to come back to
    history.pushState(null, "", this.href(this.page, values));
  }

  /** The address of a page, beside this one. */
  href(page: string, values: Record<string, string> = {}): string {
    const query = new URLSearchParams(values).toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
    return `./${page}${query ? `?${query}` : ""}`;
  }

  /** Go to a page of ours without loading anything again. */
  go(page: string, values: Record<string, string> = {}): void {
    clearTimeout(this.#later);
    const led = LEADING.filter((name) => page && name in this.values).map((name) => [
      name,
      this.values[name]!,
    ]);
    history.pushState(null, "", this.href(page, { ...Object.fromEntries(led), ...values }));
    this.#read();
  }

  #read(): void {
    this.page = location.pathname.split("/").pop() ?? "";
    this.values = Object.fromEntries(new URLSearchParams(location.search));
  }
}

export const address = new Address();
