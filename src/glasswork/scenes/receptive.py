"""What a number of a deep layer sees of the picture, and what a stack of layers costs: by arithmetic alone.

A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019,
https://distill.pub/2019/computing-receptive-fields, equations 1 to 5.
"""

from __future__ import annotations

import re
from typing import Literal

from glasswork.errors import GlassworkError
from glasswork.scenes.messages.workshop import StackLayer

WORD = re.compile(r"([cma])(\d{1,3})(?:x(\d{1,3}))?(?:s(\d{1,3}))?(?:p(\d{1,3}))?(?:d(\d{1,3}))?")
KINDS: dict[str, Literal["conv", "max", "average"]] = {"c": "conv", "m": "max", "a": "average"}
MOST = 16
"""Layers."""


def stacked(words: str, side: int, channels: int) -> list[StackLayer]:
    """The layers of a stack on a picture.

    Args:
        words: see StackLayer.word, with commas between them; empty for none.
        side: of the picture.
        channels: its colours.

    Raises:
        GlassworkError: a word means nothing, or a layer does not fit what comes before it.
    """
    found: list[StackLayer] = []
    field, jump, start = 1, 1, 0
    for place, word in enumerate(words.split(",") if words else []):
        if place == MOST:
            raise GlassworkError("this stack is too high", where="the stack", todo=f"At most {MOST} layers.")
        kind, size, width, stride, padding, dilation = _read(word, channels)
        extent = dilation * (size - 1) + 1
        room = side + 2 * padding - extent
        if room < 0:
            raise GlassworkError(
                f"layer {place + 1} has nowhere to stand",
                where=f"the stack, {word}",
                why=f"its window is {extent} wide; what it reads, with padding, {side + 2 * padding}",
                todo="Make the window smaller, pad more, or take the layer away.",
            )
        start -= padding * jump
        field += (extent - 1) * jump
        jump *= stride
        side, left = room // stride + 1, room % stride
        numbers = width * (channels * size * size + 1) if kind == "conv" else 0
        found.append(
            StackLayer(
                word=word,
                kind=kind,
                size=size,
                channels=width,
                stride=stride,
                padding=padding,
                dilation=dilation,
                side=side,
                left=left,
                field=field,
                jump=jump,
                first=start + side // 2 * jump,
                numbers=numbers,
                macs=side * side * width * channels * size * size if kind == "conv" else 0,
            )
        )
        channels = width
    return found


def _read(word: str, channels: int) -> tuple[Literal["conv", "max", "average"], int, int, int, int, int]:
    """Kind, kernel size, output channels, stride, padding, dilation."""
    match = WORD.fullmatch(word)
    if match is None:
        raise GlassworkError(
            f"{word[:40]!r} is no layer",
            where="the stack",
            why="a layer is a letter (c, m, a) and its size, then x channels, s stride, p padding, d dilation",
            todo="Write it like c3x8p1 or m2s2.",
        )
    letter, *given = match.groups()
    size, width, stride, padding, dilation = (None if one is None else int(one) for one in given)
    pooled = letter != "c"
    size = size or 0
    stride = (size if pooled else 1) if stride is None else stride
    padding, dilation = padding or 0, 1 if dilation is None else dilation
    width = channels if pooled or width is None else width
    if min(size, width, stride, dilation) < 1:
        why = "size, channels, stride and dilation are at least 1"
        raise GlassworkError(f"{word!r} is no layer", where="the stack", why=why, todo="Choose larger numbers.")
    if pooled and padding > size // 2:
        why = f"pooling pads by at most half of its window, {size // 2}"
        raise GlassworkError(f"{word!r} is no layer", where="the stack", why=why, todo="Pad less.")
    if letter == "a" and dilation > 1:
        why = "torch's average pooling has no dilation"
        raise GlassworkError(f"{word!r} is no layer", where="the stack", why=why, todo="Leave the dilation at 1.")
    return KINDS[letter], size, width, stride, padding, dilation
