/** The page's language: what its address asks for, else the reader's choice, else the browser's, else English. */
import english from "../texts/en.json";
import { spoken, type Catalogue } from "./spoken.svelte";

export const LANGUAGES = { en: "English", de: "Deutsch" };
/** `pseudo` is made from English, for the test that finds what is in no file of texts. */
export type Language = keyof typeof LANGUAGES | "pseudo";

/** All but English comes when it is asked for. */
const CATALOGUES: Record<Language, () => Promise<Catalogue>> = {
  en: async () => ({ texts: english, said: {} }),
  de: german,
  pseudo: async () => (await import("./pseudo")).disguised({ texts: english, said: (await german()).said }),
};

async function german(): Promise<Catalogue> {
  const [texts, said] = await Promise.all([import("../texts/de.json"), import("../texts/de.said.json")]);
  return { texts: texts.default, said: said.default };
}

const KEY = "glasswork-language";
const ASKED = new URLSearchParams(location.search).get("lang");

const known = (name: string | null | undefined): Language | null =>
  name && Object.hasOwn(CATALOGUES, name) ? (name as Language) : null;

/** What an address asked for holds for the tab, from page to page; a choice holds until the next one. */
function chosen(): Language | null {
  try {
    if (known(ASKED)) sessionStorage.setItem(KEY, ASKED!);
    return known(sessionStorage.getItem(KEY)) ?? known(localStorage.getItem(KEY));
  } catch {
    return known(ASKED); // storage can be forbidden
  }
}

const ofBrowser = (): Language | null =>
  navigator.languages.map((tag) => known(tag.split("-")[0])).find((language) => language !== null) ?? null;

class LanguageState {
  now = $state<Language>("en");
  /** Done when the page can be drawn; a language that can't be loaded leaves it in English. */
  readonly ready: Promise<void>;
  #wanted: Language = "en";

  constructor() {
    this.ready = this.#speak(chosen() ?? ofBrowser() ?? "en").catch(() => undefined);
  }

  /** What the page's own words are in, and what is asked for in words is to be: accents are English. */
  get spoken(): string {
    return this.now === "pseudo" ? "en" : this.now;
  }

  /** The reader's choice. */
  async choose(language: Language): Promise<void> {
    try {
      sessionStorage.removeItem(KEY);
      localStorage.setItem(KEY, language);
    } catch {
      // not kept, but spoken
    }
    await this.#speak(language);
  }

  async #speak(language: Language): Promise<void> {
    this.#wanted = language;
    const catalogue = await CATALOGUES[language]();
    if (this.#wanted !== language) return;
    spoken.take(catalogue);
    this.now = language;
    document.documentElement.lang = this.spoken;
  }
}

export const language = new LanguageState();
