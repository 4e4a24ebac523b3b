/** Pictures of many prompts, made one after another as long as the page shows them. */
import { untrack } from "svelte";
import { link } from "../../lib/link.svelte";
import type { Tensor } from "../../lib/tensors";
import type { Settings } from "./settings";

interface Wanted {
  model: string | null;
  how: Settings;
  prompts: string[];
}

/** `wanted`: read again whenever it changes; what was made is made anew then. */
export function combined(wanted: () => Wanted): { made: number; of: (i: number) => Tensor | null } {
  let pictures = $state.raw<(Tensor | null)[]>([]);
  let key = $derived.by(() => {
    const { model, how, prompts } = wanted();
    return JSON.stringify([model, { ...how, prompt: "" }, prompts]);
  });
  $effect(() => {
    void key;
    let going = true;
    let request = 0;
    const { model, how, prompts } = untrack(wanted);
    pictures = [];
    const next = (i: number): void => {
      if (!going || !model || i >= prompts.length) return;
      const one = { ...how, prompt: prompts[i]!, start: "", mask: "", strength: 1 };
      request = link.ask({ type: "make_picture", model, how: one, view: "combined" }, (answer, tensors) => {
        if (going && answer.type === "picture_made" && tensors[0]) pictures = [...pictures, tensors[0]];
        if (answer.type === "failure") going = false; // the page says why: its own run fails likewise
        if (answer.type === "done") next(i + 1);
      });
    };
    next(0);
    return () => {
      going = false;
      link.cancel(request);
    };
  });
  return {
    get made() {
      return pictures.length;
    },
    of: (i) => pictures[i] ?? null,
  };
}
