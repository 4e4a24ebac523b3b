"""What things are called on a page: short names from module paths, and the line of code behind them."""

from __future__ import annotations

import linecache
import re
from pathlib import Path

import glasswork
from glasswork.scenes.messages import CodeLine, Source
from glasswork.tracing import Op

ROOT = Path(glasswork.__file__).parent
# A last path component that is only a number (nn.Sequential) says nothing; the operation's own name then stands.
STEMS = {"conv1d": "conv", "conv2d": "conv", "conv3d": "conv", "max_pool2d": "pool", "avg_pool2d": "pool"}
SHORT = {"flatten": "flat"}


def name_of(path: str, operation: str = "") -> str:
    """ "conv 2·2" for "block2.conv2": the last component's word, and all numbers on the way to it."""
    if path.startswith(":"):
        return path[1:].replace("#", " ")
    parts = path.split(":")[0].split("#")[0].split(".")
    stem = re.sub(r"[\d_]+$", "", parts[-1]) or STEMS.get(operation, operation)
    numbers = re.findall(r"\d+", path)
    return f"{stem} {'·'.join(numbers)}" if numbers else stem


def short_name(path: str, operation: str) -> str:
    """The word alone: "relu", "pool", "flat"."""
    stem = name_of(path, operation).rsplit(" ", 1)[0]
    return SHORT.get(stem, stem)


def describe(op: Op) -> str:
    """What an operation is and what it does to the shape, as one would write it under its name."""
    before, after = op.operands[0].shape, op.output.shape
    size = f"{_size(before)} → {_size(after)}"
    settings = {**op.kwargs}
    names = ("input", "weight", "bias", "stride", "padding", "dilation", "groups")
    if op.name == "conv2d":
        settings |= dict(zip(names, op.args, strict=False))
        out, channels, rows, columns = op.operands[1].shape
        parts = [f"{channels * _one(settings.get('groups', 1))} → {out}", f"{rows}×{columns}"]
        parts.append(f"stride {_one(settings.get('stride', 1))}")
        padding = _one(settings.get("padding", 0))
        parts.append(f"padding {padding}" if padding else "no padding")
        return f"Conv2d({', '.join(parts)})  {size}"
    if op.name == "linear":
        return f"Linear({before[-1]:,} → {after[-1]:,})"
    return f"{op.module_type}  {size}"


def _one(value: object) -> int:
    """A setting that is the same for both axes, as one number."""
    if isinstance(value, (tuple, list)):
        return int(value[0])
    return int(value) if isinstance(value, int) else 0


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in (shape[2:] if len(shape) > 2 else shape[1:]))


def source_of(op: Op) -> Source:
    """The author's line with one neighbour on each side; files of ours by their place in the package."""
    if op.source is None:
        return Source(file="", line=0, function="", lines=[])
    path = Path(op.source.file)
    file = path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name
    numbers = range(max(1, op.source.line - 1), op.source.line + 2)
    lines = [(number, linecache.getline(str(path), number).rstrip()) for number in numbers]
    indent = min((len(text) - len(text.lstrip()) for _, text in lines if text.strip()), default=0)
    return Source(
        file=file,
        line=op.source.line,
        function=op.source.function,
        lines=[CodeLine(number, text[indent:]) for number, text in lines],
    )
