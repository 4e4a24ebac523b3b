/** What is on the screen, as Python that gives the same number. */
import type { Explained, MaskRead } from "../../lib/messages";

export function asPython(read: MaskRead, explained: Explained): string {
  const slope = explained.what === "grad";
  const followed = [0, read.kind, ...read.place].join(", ");
  return [
    "import glasswork as gw",
    "from PIL import Image",
    "",
    `net = gw.load(${JSON.stringify(read.network)})`,
    'picture = Image.open("your-picture.png")',
    `trace = gw.trace(net, *net.preprocess(picture).inputs${slope ? `, loss=(${followed}), backward=True` : ""})`,
    `print(gw.explain(trace, ${JSON.stringify(explained.path)}, (${explained.index.join(", ")},)${slope ? ', of="grad"' : ""}))`,
    "",
  ].join("\n");
}
