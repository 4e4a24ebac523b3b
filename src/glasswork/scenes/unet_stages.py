"""Which maps of a U-Net are drawn, level by level: what comes in, what crosses, what grows, and their slopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import numpy as np
import torch

from glasswork.scenes.messages import masks as k
from glasswork.scenes.pictured import drawn, sampled
from glasswork.scenes.unet_runs import UnetRun, across, largest, unet_of

Side = Literal["input", "down", "lowest", "up", "out"]
Part = Literal["picture", "first", "second", "across", "grown", "logits", "probabilities"]


def stages_of(module: Any) -> Iterator[tuple[str, Side, Part, int]]:
    """Path, side, part and level of what is drawn, in the order of the pass."""
    depth = len(module.down)
    yield "input", "input", "picture", 0
    for level in range(depth):
        yield f"down.{level}.relu1", "down", "first", level
        yield f"down.{level}.relu2", "down", "second", level
    yield "lowest.relu1", "lowest", "first", depth
    yield "lowest.relu2", "lowest", "second", depth
    for step, up in enumerate(module.up):
        level = depth - 1 - step
        yield f"up.{step}.up", "up", "grown", level
        if up.skips:
            yield across(depth, level), "up", "across", level
        yield f"up.{step}.convolve.relu1", "up", "first", level
        yield f"up.{step}.convolve.relu2", "up", "second", level
    yield "output", "out", "logits", 0
    yield ":softmax", "out", "probabilities", 0


def draw_stages(run: UnetRun, backward: bool) -> tuple[list[k.MapStage], list[np.ndarray], list[np.ndarray]]:
    """Which maps are drawn, and of each the numbers and, where `backward`, the slopes: (channels, H, W), float32."""
    stages, values, slopes = [], [], []
    for path, side, part, level in stages_of(unet_of(run.network)):
        value = run.trace.value(path)
        found = drawn(value)
        if found is None:
            continue
        axes, channels = found.axes, found.channels
        if side in ("input", "out"):  # each colour and class has its place
            channels = list(range(axes.channels))
        stages.append(
            k.MapStage(
                path=path,
                side=side,
                part=part,
                level=level,
                channels=channels,
                of=axes.channels,
                size=[axes.rows, axes.columns],
                reach=largest(run, path, value, backward),
            )
        )
        whole = msgspec.structs.replace(axes, row_step=1, column_step=1)
        values.append(sampled(value.tensor.detach(), whole, channels).float().numpy())
        if backward:
            grad = torch.zeros_like(value.tensor) if value.grad is None else value.grad
            slopes.append(sampled(grad, whole, channels).float().numpy())
    return stages, values, slopes
