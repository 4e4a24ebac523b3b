"""Where in the author's code an op was written."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Literal

import torch

Owner = Literal["author", "torch", "layer", "tracer", "edge"]

_TORCH = os.path.dirname(torch.__file__) + os.sep
_TRACER = os.path.dirname(__file__) + os.sep
_EDGE = os.path.join(_TRACER, "run.py")  # frames outside this one called gw.trace; none of them wrote the op
_LAYERS = os.path.join(_TORCH, "nn", "modules") + os.sep
_CALLING = os.path.join(_LAYERS, "module.py")
# by the id of a code object, which stays its own since it is held here: hashing one reads all its constants
_codes: dict[int, tuple[Owner, dict[int, Source], CodeType]] = {}


@dataclass(frozen=True, slots=True)
class Source:
    """A line of Python: `file` is absolute, `line` counts from 1, `function` is the code object's name."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def place(self) -> str:
        """ "networks/tiny_vgg.py:41": the line without where this machine keeps the file; fit for a page."""
        roots = sorted({os.getcwd(), *filter(None, map(os.path.abspath, sys.path))}, key=len, reverse=True)
        for root in roots:  # the longest first: a package's own path beside those of its parents
            if self.file.startswith(root.rstrip(os.sep) + os.sep):
                return f"{os.path.relpath(self.file, root).replace(os.sep, '/')}:{self.line}"
        return f"{os.path.basename(self.file)}:{self.line}"


def owner(file: str) -> Owner:
    """Whose code a file holds; torch's own layers, where they are told apart, are "layer"."""
    if file == _EDGE:
        return "edge"
    if file.startswith(_TRACER):
        return "tracer"
    return "torch" if file.startswith(_TORCH) else "author"


def is_layers_own(source: Source) -> bool:
    """Whether it is a line of one of torch's layers: nobody else stands between it and the tracer."""
    return source.file.startswith(_LAYERS)


def author_line(depth: int = 2) -> Source | None:
    """The nearest line, `depth` frames up and beyond, that an author wrote.

    For `nn.Conv2d` called inside a reader's `Block.forward` that is the line of `Block.forward`. Where nobody but
    torch stands between the op and the tracer (an `nn.Sequential` at the root), it is the line of torch's own layer.
    """
    frame: FrameType | None = sys._getframe(depth)
    layer: FrameType | None = None
    while frame is not None:
        code = frame.f_code
        whose, lines, _ = _codes.get(id(code)) or _learn(code)
        if whose == "author":
            return lines.get(frame.f_lasti) or _line(frame, lines)
        if whose == "edge":
            break
        if layer is None and whose == "layer":
            layer = frame
        frame = frame.f_back
    return None if layer is None else _line(layer, _codes[id(layer.f_code)][1])


def _learn(code: CodeType) -> tuple[Owner, dict[int, Source], CodeType]:
    file = code.co_filename
    whose = owner(file)
    if whose == "torch" and file.startswith(_LAYERS) and file != _CALLING:
        whose = "layer"
    _codes[id(code)] = known = (whose, {}, code)
    return known


def _line(frame: FrameType, lines: dict[int, Source]) -> Source:
    source = lines.get(frame.f_lasti)
    if source is None:
        code = frame.f_code
        source = lines[frame.f_lasti] = Source(code.co_filename, frame.f_lineno, code.co_name)
    return source
