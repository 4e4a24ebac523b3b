/** What the page speaks with now: English, and over it the texts of the chosen language as far as there are any. */
import english from "../texts/en.json";

export type Texts = Record<keyof typeof english, string>;

export interface Catalogue {
  texts: Partial<Texts>;
  /** The program's own sentences, by their English templates, whose slots are {1}, {2} and so on. */
  said: Record<string, string>;
}

class Spoken {
  texts = $state.raw<Texts>(english);
  said = $state.raw<Record<string, string>>({});

  take({ texts, said }: Catalogue): void {
    this.texts = { ...english, ...texts };
    this.said = said;
  }
}

export const spoken = new Spoken();
