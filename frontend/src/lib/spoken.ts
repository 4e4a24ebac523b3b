/** The language that the page is in: what lessons are asked for. */
export const spoken = (): string => document.documentElement.lang || "en";
