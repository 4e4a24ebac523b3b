/** The language that the reader chose: one place for texts and lessons. */
export const language = (): string => document.documentElement.lang || "en";
