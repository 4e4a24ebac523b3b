/** What is on the screen, as Python that gives the same number. */
import type { Explained, Scene } from "../../lib/messages";

export function asPython(scene: Scene, explained: Explained): string {
  return [
    "import glasswork as gw",
    "",
    `net = gw.load("${scene.network.name}")`,
    `picture = net.picture("${scene.input.id}")`,
    "trace = gw.trace(net, *net.preprocess(picture).inputs)",
    `print(gw.explain(trace, "${explained.path}", (${explained.index.join(", ")},)))`,
    "",
  ].join("\n");
}
