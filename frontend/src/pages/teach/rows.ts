/** The network's answers, picture by picture. */
import type { Known } from "./lesson.svelte";
import { at } from "../../lib/refs";

export interface Row {
  /** Its place among the answers. */
  row: number;
  index: number;
  name: string;
  part: string;
  /** The class that it belongs to, and the one that the network names. */
  is: number;
  said: number;
  right: { ref: string; value: number };
  sure: { ref: string; value: number };
}

export function rowsOf({ answer, answers }: Known): Row[] {
  const each = answers.shape[1]!;
  return answer.pictures.map(({ index, name, part, label }, row) => {
    const values = answers.data.subarray(row * each, (row + 1) * each);
    let said = 0;
    for (let k = 1; k < each; k++) if (values[k]! > values[said]!) said = k;
    const number = (k: number): Row["right"] => ({
      ref: at(`${answer.source}#answers@value`, [index, k]),
      value: values[k]!,
    });
    return { row, index, name, part, is: label, said, right: number(label), sure: number(said) };
  });
}

/** Those that are wrong, the surest first; or where none is, the least sure first. */
export function worst(rows: Row[]): { wrong: boolean; rows: Row[] } {
  const wrong = rows.filter(({ is, said }) => is !== said).sort((a, b) => b.sure.value - a.sure.value);
  if (wrong.length) return { wrong: true, rows: wrong };
  return { wrong: false, rows: [...rows].sort((a, b) => a.sure.value - b.sure.value) };
}
