"""What things are called on a page: short names from module paths, and the line of code behind them."""

from __future__ import annotations

import linecache
import re
from pathlib import Path

import glasswork
from glasswork.explaining.convolution import settings
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
    if op.name in ("conv1d", "conv2d", "conv3d"):
        found = settings(op)
        parts = [f"{before[1]} → {after[1]}", _times(found.kernel), f"stride {_times(found.stride)}"]
        padded = any(found.before) or any(found.behind)
        parts.append(f"padding {_times(found.before)}" if padded else "no padding")
        parts += [f"dilation {_times(found.dilation)}"] if any(apart > 1 for apart in found.dilation) else []
        parts += [f"{found.groups} groups"] if found.groups > 1 else []
        return f"{op.name.replace('conv', 'Conv')}({', '.join(parts)})  {size}"
    if op.name == "linear":
        return f"Linear({before[-1]:,} → {after[-1]:,})"
    made_by_layer = op.module_type and op.path == op.module
    return f"{op.module_type if made_by_layer else op.name}  {size}"


def _times(sizes: tuple[int, ...]) -> str:
    """3×3, or 3 where one number says both and is no size of a kernel."""
    return str(sizes[0]) if len(set(sizes)) == 1 and sizes[0] < 3 else "×".join(map(str, sizes))


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
