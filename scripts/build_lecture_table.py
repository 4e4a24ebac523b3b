"""Make the table of docs/lecture.md from the lessons' files. With --check, only say if it is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from glasswork.scenes.lecture_files import address, read_lesson, shipped

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "lecture.md"
BEGIN, END = "<!-- The table is made by scripts/build_lecture_table.py. -->", "<!-- End of the table. -->"
TOPICS = (
    "1 Where deep learning fits",
    "1 Features, layer by layer",
    "2 Input, hidden and output layers",
    "2 Deep: more than one hidden layer",
    "3 Backpropagation, step by step",
    "3 Backpropagation calculus",
    "4 CNN",
    "4 RNN",
    "4 LSTM",
    "4 Transformer",
    "4 U-Net",
    "4 GAN",
    "4 Style transfer",
    "4 Data augmentation",
    "4 ViT",
    "5 AlexNet, 2012",
    "6 The table",
    "6 First conclusion",
    "6 Second conclusion",
    "6 Third conclusion",
    "6 Shortcuts",
    "7 ImageNet",
    "7 ILSVRC: classification, localisation, detection",
    "7 The thousand classes",
    "8 Input",
    "8 Convolution",
    "8 Stride",
    "8 Activation",
    "8 Pooling",
    "8 Flatten",
    "8 Output",
    "8 Dropout",
    "8 Code example",
    "8 Uses",
    "9 The game",
    "9 Layered distributions",
    "9 Metrics",
    "9 Failures",
    "10 Next-word prediction",
    "10 Embedding",
    "10 Attention",
    "10 MLP",
    "10 Output probabilities",
    "10 Temperature",
    "10 Large language models",
    "11 Text representation",
    "11 CLIP",
    "11 Refining noise over timesteps",
    "11 The U-Net's three inputs",
    "11 Upscaling",
    "12 Recurrence",
    "12 Shared weights",
    "12 Memory by feedback",
    "12 Exploding and vanishing gradients",
    "12 Uses",
    "13 Gates",
    "13 Forget gate",
    "13 Input gate",
    "13 Output gate",
    "14 Summary",
    "14 Quiz",
    "15 References",
    "Tour",
)
"""The lecture's, by its own numbers."""


def rows() -> list[tuple[str, str, str, str]]:
    """Topic, lesson and step, page state, and the command or line of Python: a row for each step about a topic."""
    found = list[tuple[str, str, str, str]]()
    for name, path in shipped().items():
        lesson = read_lesson(path, name)
        for at, written in enumerate(lesson.steps, 1):
            for topic in written.topics:
                found += [
                    (topic, f"{lesson.title}, {at}", address(written.step.opens), command)
                    for command in written.commands[:1] or [""]
                ]
    return sorted(found, key=lambda row: TOPICS.index(row[0]) if row[0] in TOPICS else len(TOPICS))


def table() -> str:
    """The table as Markdown."""
    lines = ["| topic | lesson, step | page | the same by command or Python |", "|---|---|---|---|"]
    for topic, lesson, page, command in rows():
        code = command.replace("|", "\\|")
        lines.append(f"| {topic} | {lesson} | `{page}` | `{code}` |")
    return "\n".join(lines)


def document() -> str:
    """The whole file, with the table as it should be."""
    before, _, rest = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


def main() -> int:
    fresh = document()
    if "--check" in sys.argv:
        stale = DOCUMENT.read_text(encoding="utf-8") != fresh
        if stale:
            print("docs/lecture.md is stale: run python scripts/build_lecture_table.py", file=sys.stderr)
        return int(stale)
    DOCUMENT.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
