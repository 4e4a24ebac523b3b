"""Holds what was seen on a page to what the resolver computes."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from asking import Answer, Asking, Question
from scales import apart, colour_of
from shown import RELATIVE, read, slack, stands_for
from sightings import Cell, Line, Pixel, Placed, Sighting, Text, Twin

REF = re.compile(r"(?P<source>[^#]+)#(?P<path>[^\[@]+)(?:\[(?P<index>[\d,]+)\])?@(?P<what>[a-z]+)")
FAINT = 0.06
OPEN = "open"
"""The mode of the page of graphs: each tensor has a scale of its own."""
ERROR_BOUND = 1e-5
# Steps of 255 that rounding adds where a browser mixes colours.
MIXED = 3


def kind_of(ref: str) -> str:
    """value, grad, term, ...; or measure, for what is known of a whole network."""
    found = REF.match(ref)
    return "measure" if ref.startswith("measure:") else found["what"] if found else "none"


@dataclass
class Verdict:
    """What was checked, by kind, and what is wrong."""

    checked: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = ", ".join(f"{kind} {len(refs)}" for kind, refs in sorted(self.checked.items()))
        groups: dict[str, list[str]] = defaultdict(list)
        for one in self.wrong:
            groups[re.sub(r"\d+", "", one)[:60]].append(one)
        lines = [f"{len(group)} like {group[0]}" for group in groups.values()]
        return f"checked: {counts}; wrong: {len(self.wrong)}\n" + "\n".join(lines[:60])


def judge(sightings: list[Sighting], asking: Asking) -> Verdict:
    """Check everything that was seen."""
    asking([question for seen in sightings for question in questions(seen)])  # all at once
    verdict = Verdict()
    for seen in sightings:
        Judge(seen, asking, verdict).run()
    return verdict


def questions(seen: Sighting) -> list[Question]:
    refs: list[Question] = [one["ref"] for group in (seen.texts, seen.cells, seen.lines, seen.pixels) for one in group]
    reaches = [reach_of("reach", pixel["ref"], seen.mode) for pixel in seen.pixels]
    twins = [largest_of(twin["ref"], seen.mode) for twin in seen.twins]
    return refs + [question for question in (*reaches, *twins) if question]


def reach_of(question: str, ref: str, mode: str) -> Question | None:
    """A question about all that shares a colour scale with an element of a map."""
    found = REF.match(ref)
    shown = ("value", "grad", "difference", "slopedifference") if mode == OPEN else ("value", "grad")
    if not found or found["what"] not in shown or not found["index"]:
        return None
    index = [int(at) for at in found["index"].split(",")]
    if found["path"].endswith(("weight", "bias")):
        return None
    if mode == OPEN:
        return (question, found["source"], found["path"], None, found["what"], mode)
    if len(index) != 4:
        return None
    return (question, found["source"], found["path"], index[1], found["what"], mode)


def largest_of(ref: str, mode: str) -> Question | None:
    """A question about the number of largest size in the picture that an element stands in."""
    found = REF.match(ref)
    if mode != OPEN or not found or not found["index"]:
        return reach_of("largest", ref, "channel")
    index = tuple(int(at) for at in found["index"].split(","))
    return ("largest_drawn", found["source"], found["path"], index, found["what"])


def place_of(value: float, placed: Placed | None) -> float:
    """Where a number stands on a strip's scale, 0 to 1; elsewhere it stands for itself."""
    if placed is None or not placed["ratios"]:
        return value
    low, high = placed["low"], placed["high"]
    return min(1.0, max(0.0, math.log(value / low) / math.log(high / low))) if value > 0 else 0.0


class Judge:
    """Checks one sighting."""

    def __init__(self, seen: Sighting, asking: Asking, verdict: Verdict) -> None:
        self.seen = seen
        self.asking = asking
        self.verdict = verdict

    def run(self) -> None:
        for stray in self.seen.strays:
            self.blame("stray", stray)
        for text in self.seen.texts:
            self.text(text)
        for cell in self.seen.cells:
            self.cell(cell)
        for pixel in self.seen.pixels:
            self.pixel(pixel)
        for twin in self.seen.twins:
            self.twin(twin)
        self.lines()
        for error in self.seen.errors:
            if not (error.strip() == "0" or read(error).high <= ERROR_BOUND):
                self.blame("error", f"a sum differs from its tensor by {error}")

    def blame(self, where: str, what: str) -> None:
        self.verdict.wrong.append(f"[{self.seen.state}] {where}: {what}")

    def answer(self, ref: str, where: str) -> Answer | None:
        """What the resolver says; blames the page when it names no number."""
        answer = self.asking([ref])[ref]
        self.verdict.checked[kind_of(ref)].add(ref)
        if answer.why:
            self.blame(where, f"{ref} names no number: {answer.why}")
            return None
        return answer

    def matches(self, words: str, value: float, scale: float) -> bool:
        try:
            return stands_for(words, value, scale)
        except ValueError:
            return False

    def text(self, text: Text) -> None:
        answer = self.answer(text["ref"], "text")
        if not answer:
            return
        value = -answer.value if text["mirrored"] else answer.value
        if not self.matches(text["text"], value, answer.scale):
            self.blame("text", f"{text['text']!r} is shown for {text['ref']}, which is {value!r}")
        if text["title"] is not None and not self.matches(text["title"], value, answer.scale):
            self.blame("title", f"{text['title']!r} is shown for {text['ref']}, which is {value!r}")

    def close(self, claimed: float, answer: Answer) -> bool:
        return abs(claimed - answer.value) <= slack(answer.value, answer.scale)

    def cell(self, cell: Cell) -> None:
        answer = self.answer(cell["ref"], "cell")
        if not answer:
            return
        if not self.close(float(cell["value"]), answer):
            self.blame("cell", f"{cell['value']} is drawn for {cell['ref']}, which is {answer.value!r}")
        if not self.matches(cell["title"], answer.value, answer.scale):
            self.blame("cell", f"{cell['title']!r} is shown for {cell['ref']}, which is {answer.value!r}")

    def pixel(self, pixel: Pixel) -> None:
        answer = self.answer(pixel["ref"], "pixel")
        if not answer:
            return
        if not self.close(pixel["value"], answer):
            self.blame("pixel", f"{pixel['value']} is picked for {pixel['ref']}, which is {answer.value!r}")
        r, g, b = pixel["colour"]
        if pixel["scale"] == "colour":
            self.byte(pixel, answer)
            return
        placed = place_of(answer.value, pixel["placed"])
        far = apart(pixel["scale"], placed, pixel["range"], self.seen.theme, (r, g, b))
        if pixel["placed"] and pixel["placed"]["ink"] and answer.value == 1:
            ink = 255 if self.seen.theme == "dark" else 0
            far = max(abs(part - ink) for part in (r, g, b))
        if far > 1.01 or not pixel["opaque"]:
            self.blame("pixel", f"{pixel['colour']} is painted for {pixel['ref']}, {far:.0f} steps from its colour")
        if pixel["shown"]:
            self.shown(pixel, pixel["shown"])
        self.reach(pixel)

    def byte(self, pixel: Pixel, answer: Answer) -> None:
        """A colour of a picture: the last index says which."""
        colour = pixel["colour"][int(pixel["ref"].partition("]")[0].rpartition(",")[2])]
        if abs(colour - answer.value) > 1.01 or not pixel["opaque"]:
            self.blame("pixel", f"{colour} is painted for {pixel['ref']}, which is {answer.value:.0f}")

    def shown(self, pixel: Pixel, shown: list[int]) -> None:
        """Scaling mixes a colour with its neighbours', and makes up none."""
        near = colour_of(pixel["scale"], pixel["around"], pixel["range"], self.seen.theme)
        low, high = np.min(near, axis=0) - MIXED, np.max(near, axis=0) + MIXED
        if not (np.all(low <= shown) and np.all(shown <= high)):
            self.blame("pixel", f"{shown} is shown for {pixel['ref']}, which is not between it and its neighbours")

    def reach(self, pixel: Pixel) -> None:
        """A scale ends where what shares it ends."""
        question = reach_of("reach", pixel["ref"], self.seen.mode)
        if question is None:
            return
        answer = Answer(1, 0) if pixel["scale"] == "grey" else self.asking([question])[question]
        if not abs(pixel["range"] - answer.value) <= RELATIVE * answer.value:
            why = f"the colours of {pixel['ref']} reach to {pixel['range']}; the rule says {answer.value}"
            self.blame("scale", why)

    def twin(self, twin: Twin) -> None:
        question = largest_of(twin["ref"], self.seen.mode)
        if question is None:
            return
        answer = self.asking([question])[question]
        words = twin["label"].rpartition(" ")[2].lstrip("−")
        if not self.matches(words, answer.value, answer.scale):
            self.blame("label", f"{twin['label']!r} is read out for {twin['ref']}; the largest is {answer.value!r}")

    def lines(self) -> None:
        """Lines of one layer share a measure: the width of each is its share of the largest."""
        layers: dict[str, list[tuple[Line, float]]] = defaultdict(list)
        for line in self.seen.lines:
            answer = self.answer(line["ref"], "line")
            if not answer:
                continue
            if not self.close(float(line["value"]), answer):
                self.blame("line", f"{line['value']} is drawn for {line['ref']}, which is {answer.value!r}")
            layers[re.sub(r"\[.*", "", line["ref"])].append((line, answer.value))
        for drawn in layers.values():
            most = max(abs(value) for _, value in drawn) or 1
            for line, value in drawn:
                self.stroke(line, value, abs(value) / most)

    def stroke(self, line: Line, value: float, share: float) -> None:
        if abs(share - FAINT) < 1e-4:
            return
        width = 0.7 if share < FAINT else 0.6 + 5.4 * share
        if abs(width - line["width"]) > 0.01:
            self.blame("line", f"{line['ref']} is {line['width']} wide; its share of the largest is {share:.4f}")
        if share < FAINT:
            return
        scale = "gradient" if kind_of(line["ref"]) in ("slope", "wished") else "activation"
        if re.search(r"#(?:[gd]\.)?w\d+\[[\d,]+\]@value", line["ref"]):
            scale = "weight"
        seen = [int(part) for part in re.findall(r"\d+", line["stroke"])]
        wanted = colour_of(scale, 0.68 if value > 0 else -0.68, 1, self.seen.theme)
        if len(seen) != 3 or max(abs(a - b) for a, b in zip(seen, wanted, strict=True)) > 3:
            self.blame("line", f"{line['ref']} is {value:.4g}, and drawn in {line['stroke']}")
