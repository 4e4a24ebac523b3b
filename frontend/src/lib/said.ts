/**
 * What the program says, in the page's language. Python speaks English, to terminals and to pages alike; a page knows its
 * sentences by their templates. What is in no template stays as it was said.
 */
import { spoken } from "./spoken.svelte";

interface Template {
  pattern: RegExp;
  into: string;
}
interface Known {
  whole: Map<string, string>;
  /** Those with slots, the most particular first. */
  open: Template[];
}

const SLOT = /\{\d\}/;
const escaped = (words: string): string => words.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
const compiled = new WeakMap<object, Known>();

function known(catalogue: Record<string, string>): Known {
  let found = compiled.get(catalogue);
  if (!found) {
    const open = Object.keys(catalogue)
      .filter((template) => SLOT.test(template))
      .sort((a, b) => b.replace(/\{\d\}/g, "").length - a.replace(/\{\d\}/g, "").length)
      .map((template) => ({
        pattern: new RegExp(`^${template.split(SLOT).map(escaped).join("(.+?)")}$`, "s"),
        into: catalogue[template]!,
      }));
    found = { whole: new Map(Object.entries(catalogue)), open };
    compiled.set(catalogue, found);
  }
  return found;
}

function translated(sentence: string, { whole, open }: Known): string | null {
  const exact = whole.get(sentence);
  if (exact !== undefined) return exact;
  for (const { pattern, into } of open) {
    const filled = pattern.exec(sentence);
    if (!filled) continue;
    // a slot may hold a word of ours: "there is no data set called 'x'"
    return into.replace(/\{(\d)\}/g, (_, n: string) => whole.get(filled[+n]!) ?? filled[+n]!);
  }
  return null;
}

export function said(words: string): string {
  const catalogue = known(spoken.said);
  // several remarks in a row are told one by one
  const each = (): string[] => words.split(/(; |(?<=\.) )/).map((one) => translated(one, catalogue) ?? one);
  return translated(words, catalogue) ?? each().join("");
}
