/**
 * English in disguise: ⟦Ţŕáíñ íţ⟧ for "Train it". What a page shows without accents is in no file of texts, and a word
 * without its bracket is cut off. Slots, and the asterisks of what is strong, stay as they are.
 */
import type { Catalogue } from "./spoken.svelte";

const PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const ACCENTED = "áƀçðéƒĝĥíĵķļɱñóþɋŕšţúṽŵẋýžÁƁÇÐÉƑĜĤÍĴĶĻṀÑÓÞɊŔŠŢÚṼŴẊÝŽ";
/** A slot; of `{steps|step|steps}` only its name, since both words are shown. */
const SLOT = /(\{\w+(?:\||\}))/;

const accented = (words: string): string =>
  words.replace(/[a-z]/gi, (letter) => ACCENTED[PLAIN.indexOf(letter)]!);

export function pseudo(words: string): string {
  const inner = words
    .split(SLOT)
    .map((part) => (SLOT.test(part) ? part : accented(part)))
    .join("");
  return inner.trim() ? inner.replace(/^(\s*)(.*?)(\s*)$/s, "$1⟦$2⟧$3") : inner;
}

const each = <T extends Record<string, string>>(texts: T): T =>
  Object.fromEntries(Object.entries(texts).map(([key, words]) => [key, pseudo(words)])) as T;

/** A catalogue of the same sentences; what the program says is disguised from its English, not from a translation. */
export const disguised = ({ texts, said }: Catalogue): Catalogue => ({
  texts: each(texts as Record<string, string>),
  said: Object.fromEntries(Object.keys(said).map((template) => [template, pseudo(template)])),
});
