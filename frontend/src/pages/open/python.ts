/** What is on the screen, as Python that gives the same number. */
import type { Explained, Graph } from "../../lib/messages";
import { parse } from "../../lib/refs";

export function asPython(graph: Graph, explained: Explained): string {
  const followed = parse(graph.followed?.ref ?? "");
  const slopes = followed ? `, loss=(${followed.index.join(", ")},), backward=True` : "";
  const given = graph.input ? "*net.preprocess(picture).inputs" : "*inputs";
  return [
    "import glasswork as gw",
    ...(graph.input ? ["from PIL import Image"] : []),
    "",
    `net = gw.load(${JSON.stringify(graph.network.name)})`,
    graph.input ? 'picture = Image.open("your-picture.png")' : "inputs = ...  # what its forward takes",
    `trace = gw.trace(net, ${given}${slopes})`,
    `print(gw.explain(trace, ${JSON.stringify(explained.path)}, (${explained.index.join(", ")},)${explained.what === "grad" ? ', of="grad"' : ""}))`,
    "",
  ].join("\n");
}
