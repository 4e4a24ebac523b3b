"""Everything on a page that claims to be a number: texts, cells, lines, pixels; and what claims nothing but should."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, TypedDict

from playwright.sync_api import Page

# What holds digits and is no number of a network. At most 15; each has its reason.
WITHOUT_REFERENCE = {
    ".name": "names, labels and indices: which number, not how large. A decimal fraction in one is reported",
    ".path": "paths of modules and operations, and an index. A decimal fraction is reported",
    ".size": "shapes and counts, which are settings of the network",
    ".about": "how many classes a network tells apart, and their names",
    ".code": "lines of source with their numbers",
    ".file": "the place of a line of source",
    ".formula": "the formula in symbols, with the op's own sizes",
    ".axisname": "round numbers along an axis, chosen by the axis",
    ".error": "the error of a sum: held to its bound by the test, and to its meaning by tests/explaining",
    ".prose": "a lesson's text and the answers that it offers; what a network answers stands outside it",
    "kbd": "names of keys",
    "option": "names in a list",
    "[data-picture]": "canvases for pictures as they were given, and the drawing pad",
}


class Text(TypedDict):
    ref: str
    text: str
    title: str | None
    mirrored: bool


class Cell(TypedDict):
    ref: str
    value: str
    title: str


class Line(TypedDict):
    ref: str
    value: str
    width: float
    stroke: str


class Placed(TypedDict):
    """Where on its scale a number stands: its own share of it, or between two ends, by ratios."""

    low: float
    high: float
    ratios: bool
    ink: bool
    """Ones stand in ink."""


class Pixel(TypedDict):
    ref: str
    value: float
    scale: str
    range: float
    colour: list[int]
    """Of its own pixel, before the browser scales the pane."""
    opaque: bool
    placed: Placed | None
    """Of a strip over time: how its colour follows from the number."""
    shown: list[int] | None
    """Where the panes are scaled by the page itself: what stands in the middle of its square."""
    around: list[float]
    """The values that scaling may have mixed into that: its own, and those beside it."""


class Twin(TypedDict):
    """What a screen reader is told of a pane: its number of largest size."""

    ref: str
    label: str


@dataclass(frozen=True)
class Sighting:
    """What was seen on a page in one state."""

    state: str
    theme: str
    mode: str
    """What shares a colour scale: map, module or network."""
    texts: list[Text]
    cells: list[Cell]
    lines: list[Line]
    pixels: list[Pixel]
    twins: list[Twin]
    errors: list[str]
    strays: list[str]
    """Digits and canvases that no one can be asked about."""

    @property
    def sources(self) -> set[str]:
        """The runs that it shows."""
        refs = [each["ref"] for group in (self.texts, self.cells, self.lines, self.pixels) for each in group]
        return {ref.partition("#")[0] for ref in refs if ref.startswith("trace:")}


COLLECT = """
([allowed, salt, lean]) => {
  const shown = (one) => one.checkVisibility();
  const within = (node) => node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement;
  const place = (node) => {
    const path = [];
    for (let one = within(node); one && path.length < 4; one = one.parentElement)
      path.unshift([one.tagName.toLowerCase(), ...[...one.classList].slice(0, 1)].join("."));
    return path.join(" > ");
  };
  const DECIMAL = /^[+−-]?(\\d*\\.\\d{2,}|\\.\\d+)$/;
  const texts = [], cells = [], lines = [], pixels = [], twins = [], errors = [], strays = [];
  for (const one of document.querySelectorAll("[data-ref]")) {
    if (!shown(one)) continue;
    const ref = one.getAttribute("data-ref");
    if (!ref) { strays.push(`an empty reference at ${place(one)}: ${one.textContent}`); continue; }
    if (one instanceof SVGElement)
      cells.push({ ref, value: one.getAttribute("data-value"), title: one.querySelector("title")?.textContent ?? "" });
    else
      texts.push({
        ref, text: one.textContent, title: one.getAttribute("title"), mirrored: one.hasAttribute("data-mirrored"),
      });
  }
  for (const one of lean ? [] : document.querySelectorAll("[data-edge]")) {
    lines.push({
      ref: one.getAttribute("data-edge"), value: one.getAttribute("data-value"),
      width: Number(one.getAttribute("stroke-width")), stroke: one.getAttribute("stroke"),
    });
  }
  const EDGE = 2; // panes have round corners, and begin between two pixels of the screen
  // Read from a copy: reading a canvas often changes how the browser keeps it.
  const copy = (canvas) => {
    const context = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return context;
  };
  let seed = salt;
  const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
  for (const canvas of lean ? [] : document.querySelectorAll("canvas")) {
    if (!shown(canvas) || canvas.matches("[data-picture]")) continue;
    const box = canvas.getBoundingClientRect();
    if (typeof canvas.pick !== "function") { strays.push(`a canvas that can't be asked: ${place(canvas)}`); continue; }
    // Many panes stand on one canvas, each drawn from one with a pixel for each number; else it is that one itself.
    const whole = { box: { x: 0, y: 0, width: box.width, height: box.height }, painting: canvas };
    const seen = canvas.parts && copy(canvas);
    for (const { box: part, painting } of canvas.parts?.() ?? [whole]) {
      const [painted, { width: columns, height: rows }] = [copy(painting), painting];
      const middle = (column, row) =>
        [part.x + ((column + 0.5) / columns) * part.width, part.y + ((row + 0.5) / rows) * part.height];
      for (const [x, y] of [[0.5, 0.5], [random(), random()], [random(), random()]]) {
        const [column, row] = [Math.floor(x * columns), Math.floor(y * rows)];
        // The middle of that number's own square, so that rounding can't choose its neighbour.
        const at = middle(column, row);
        const found = canvas.pick(...at);
        if (!found || !found.ref) {
          strays.push(`a canvas without an answer at ${column}, ${row}: ${place(canvas)}`);
          continue;
        }
        const { ref, value, scale, range } = found;
        const [r, g, b, a] = painted.getImageData(column, row, 1, 1).data;
        let shown = null;
        const around = [];
        if (seen) {
          const [across, down] = [canvas.width / box.width, canvas.height / box.height];
          const [r, g, b, a] = seen.getImageData(Math.floor(at[0] * across), Math.floor(at[1] * down), 1, 1).data;
          const [fromLeft, fromTop] = [at[0] - part.x, at[1] - part.y];
          const atEdge = Math.min(fromLeft, fromTop, part.width - fromLeft, part.height - fromTop) < EDGE;
          shown = a < 255 && atEdge ? null : [r, g, b];
          const reach = [1 + Math.ceil(columns / part.width), 1 + Math.ceil(rows / part.height)];
          for (let dy = -reach[1]; dy <= reach[1]; dy++)
            for (let dx = -reach[0]; dx <= reach[0]; dx++)
              around.push(canvas.pick(...middle(column + dx, row + dy))?.value);
        }
        const known = around.filter((one) => one !== undefined);
        const placed = found.placed ?? null;
        pixels.push({
          ref, value, scale, range, colour: [r, g, b], opaque: a === 255, placed, shown, around: known,
        });
      }
    }
  }
  for (const one of document.querySelectorAll("[data-cell][aria-label]")) {
    const canvas = document.querySelector("canvas[data-figure=panes]");
    const [box, all] = [one.getBoundingClientRect(), canvas.getBoundingClientRect()];
    const found = shown(one) && canvas.pick(box.x - all.x + 1, box.y - all.y + 1);
    if (found) twins.push({ ref: found.ref, label: one.getAttribute("aria-label") });
  }
  for (const one of document.querySelectorAll(".error")) if (shown(one)) errors.push(one.textContent);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const words = node.textContent.trim(), parent = node.parentElement;
    const hollow = /\\b(NaN|undefined|null|Infinity)\\b|\\[object/.test(words);
    if (hollow && shown(parent) && !parent.closest("[data-ref], .code"))
      strays.push(`nothing in a number's place: ${JSON.stringify(words)} at ${place(node)}`);
    if (!/\\d/.test(words) || !shown(parent) || parent.closest("[data-ref], script, style")) continue;
    const by = allowed.filter((selector) => parent.closest(selector));
    if (by.length === 0) strays.push(`${JSON.stringify(words)} at ${place(node)}`);
    else if (by.length === 1 && by[0] === ".path" && words.split(/[\\s,()[\\]]+/).some((word) => DECIMAL.test(word)))
      strays.push(`a number under a path: ${JSON.stringify(words)} at ${place(node)}`);
    else if (by.length === 1 && by[0] === ".name" && /\\.\\d/.test(words))
      strays.push(`a number under a name: ${JSON.stringify(words)} at ${place(node)}`);
  }
  const theme = document.documentElement.dataset.theme;
  return JSON.stringify({ theme, texts, cells, lines, pixels, twins, errors, strays });
}
"""


def collect(page: Page, state: str, mode: str = "module", lean: bool = False) -> Sighting:
    """Look at all of a page that has settled; lean: but for its pixels and lines."""
    salt = sum(map(ord, state))  # other pixels in each state, the same ones in each run of the tests
    seen: dict[str, Any] = json.loads(page.evaluate(COLLECT, [list(WITHOUT_REFERENCE), salt, lean]))
    return Sighting(state=state, mode=mode, **seen)
