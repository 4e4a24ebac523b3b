/** References: `SOURCE#path[index]@what`, the address of a number. */
export interface Reference {
  source: string;
  path: string;
  index: number[];
  what: string;
}

const FORM = /^([^#]*)#(.*?)(?:\[([\d,]*)\])?@([^@]+)$/;

export function parse(ref: string): Reference | null {
  const match = FORM.exec(ref);
  if (!match) return null;
  const [, source = "", path = "", index, what = ""] = match;
  return { source, path, index: index ? index.split(",").map(Number) : [], what };
}

export const format = ({ source, path, index, what }: Reference): string =>
  `${source}#${path}${index.length ? `[${index.join(",")}]` : ""}@${what}`;

/** The reference of one element of a whole tensor's reference. */
export function at(tensor: string, index: number[]): string {
  const split = tensor.lastIndexOf("@");
  const place = index.length ? `[${index.join(",")}]` : ""; // a scalar has no axis
  return `${tensor.slice(0, split)}${place}${tensor.slice(split)}`;
}

/** `[3, 10, 8]`: an index as it is shown, without a batch of one; nothing for a scalar. */
export const shown = (index: number[]): string =>
  index.length ? `[${(index.length > 1 ? index.slice(1) : index).join(", ")}]` : "";
