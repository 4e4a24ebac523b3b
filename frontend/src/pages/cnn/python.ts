/** What is on the screen, as Python that gives the same number. */
import type { Explained, Scene } from "../../lib/messages";

export function asPython(scene: Scene, explained: Explained): string {
  const [kind, name] = scene.input.id.split(":");
  const given = kind === "upload";
  return [
    "import glasswork as gw",
    given ? "from PIL import Image" : "from glasswork import data",
    "",
    `net = gw.load(${JSON.stringify(scene.network.name)})`,
    given
      ? 'picture = Image.open("your-picture.png")'
      : `picture = data.sample(${JSON.stringify(name)}).picture`,
    `trace = gw.trace(net, *net.preprocess(picture).inputs, loss=(0, ${scene.chosen}), backward=True)`,
    `print(gw.explain(trace, ${JSON.stringify(explained.path)}, (${explained.index.join(", ")},)${explained.what === "grad" ? ', of="grad"' : ""}))`,
    "",
  ].join("\n");
}
