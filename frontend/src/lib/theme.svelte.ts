/** Light or dark: the reader's choice, else the system's. */
import type { Theme } from "./colour";

const KEY = "glasswork-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme | null {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === "light" || kept === "dark" ? kept : null;
  } catch {
    return null; // storage can be forbidden; the system's choice then holds
  }
}

class ThemeState {
  now = $state<Theme>(chosen() ?? (system.matches ? "dark" : "light"));

  constructor() {
    this.#show();
    system.addEventListener("change", () => {
      if (!chosen()) this.#set(system.matches ? "dark" : "light");
    });
  }

  toggle(): void {
    this.#set(this.now === "dark" ? "light" : "dark");
    try {
      localStorage.setItem(KEY, this.now);
    } catch {
      // not kept, but shown
    }
  }

  #set(theme: Theme): void {
    this.now = theme;
    this.#show();
  }

  #show(): void {
    document.documentElement.dataset.theme = this.now;
  }
}

export const theme = new ThemeState();
