"""A picture as a U-Net reads it: maps at every level, what its skip connections carry, and the mask against a truth."""

from __future__ import annotations

import io
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.networks.unet import UNet
from glasswork.scenes import messages as m
from glasswork.scenes.mask_scores import THRESHOLDS, Scores, read_runs, record_mask, recorded_mask
from glasswork.scenes.messages import masks as k
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.pictured import drawn, sampled
from glasswork.scenes.pictures import Picture, ReadInput, first_input, known_mask, prepare, read_picture
from glasswork.scenes.records import Records
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace, Value
from glasswork.zoo import Network, softmax_of_maps

# K classes, H rows, W columns

WHITE = 128
"""From this grey value on a pixel of a mask that was given as a picture is of the followed class."""


@dataclass(frozen=True)
class Read:
    """A recorded run of a U-Net on a picture."""

    id: str
    trace: Trace
    network: Network

    @property
    def logits(self) -> Tensor:
        """(K, H, W)."""
        return self.trace.value("output").tensor[0].detach()

    @property
    def probabilities(self) -> Tensor:
        """(K, H, W)."""
        return self.trace.value(":softmax").tensor[0].detach()

    def number(self, path: str, *index: int) -> Number:
        """One number of the run."""
        at = ",".join(map(str, (0, *index)))
        return Number(f"trace:{self.id}#{path}[{at}]@value", self.trace.value(path).tensor[(0, *index)].item())


class Masks:
    """Answers what the page of U-Nets asks.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
        records: where masks are.
    """

    def __init__(self, networks: Networks, traces: Traces, records: Records) -> None:
        self._networks, self._traces, self._records = networks, traces, records

    def answer(
        self, request: k.MaskRequest, read_input: ReadInput, cancelled: threading.Event
    ) -> Iterator[str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network is no U-Net, or what was asked does not fit it.
        """
        match request:
            case k.OpenMask():
                yield self._open(request, read_input, cancelled)
            case k.GrowMask():
                yield self._grow(request, cancelled)

    # -- the picture ---------------------------------------------------------------------------------------------------

    def _open(self, request: k.OpenMask, read_input: ReadInput, cancelled: threading.Event) -> str | bytes:
        begun = time.perf_counter()
        network = self._networks.load(request.network)
        module = unet_of(network)
        classes, depth = module.output.out_channels, len(module.down)
        shut = sorted(set(request.shut))
        if any(level not in range(depth) for level in shut) or (shut and not module.up[0].skips):
            why = f"there are {depth if module.up[0].skips else 0}, numbered by level from 0"
            raise GlassworkError(f"there is no skip connection {shut}", where=network.title, why=why)
        if request.threshold is not None and not (math.isfinite(request.threshold) and 0 < request.threshold < 1):
            raise GlassworkError(
                f"the threshold can't be {request.threshold}",
                where="the mask",
                why="it is a probability",
                todo="Choose one between 0 and 1.",
            )
        picture = read_picture(request.input or first_input(network), read_input)
        inputs = prepare(network, picture).inputs
        with torch.inference_mode():
            guess = network.module(*inputs)[0].float()  # (K, H, W)
        truth, whose = self._truth(request, picture, guess, read_input)
        kind = _kind(request.kind, truth, guess)
        place = _place(request.place, guess[kind])
        loss = (0, kind, *place)
        id, trace = self._traces.run(network, inputs, loss, cancel=cancelled)
        plain = read = Read(id, trace, network)
        if shut:
            id, trace = self._traces.change(id, [_shut(depth, level) for level in shut], cancelled)
            read = Read(id, trace, network)
        mask = None if truth is None else record_mask(truth, self._records)
        others = [self._networks.load(name) for name in self._networks.twins(network)]
        runs = [read]
        for other in others:
            runs.append(Read(*self._traces.run(other, prepare(other, picture).inputs, None, cancel=cancelled), other))
        scores = [self._scores(one, mask, truth, kind, request.threshold) for one in runs]
        stages, values, slopes = self._stages(read, request.backward)
        rows: list[tuple[str, np.ndarray]] = [(f"trace:{id}#picture@value", _pixels(inputs[0]))]
        rows += [(f"trace:{one.id}#:softmax@value", one.probabilities.float().numpy()) for one in runs]
        if truth is not None:
            rows.append((f"{scores[0].source}#truth@value", truth))
            rows += [(f"{one.source}#pixel@value", one.pixel_nats.float().numpy()) for one in scores[:1]]
        rows += [(f"trace:{id}#{stage.path}@value", value) for stage, value in zip(stages, values, strict=True)]
        rows += [(f"trace:{id}#{stage.path}@grad", slope) for stage, slope in zip(stages, slopes, strict=False)]
        told = [self._told(one, score) for one, score in zip(runs, scores, strict=True)]
        before = self._scores(plain, mask, truth, kind, request.threshold) if shut else None
        answer = k.MaskRead(
            request=request.request,
            network=request.network,
            title=network.title,
            untrained=network.weights == "random",
            input=picture.id,
            name=picture.name,
            truth=whose,
            side=guess.shape[-1],
            classes=list(network.labels) or [str(one) for one in range(classes)],
            kind=kind,
            place=list(place),
            followed=read.number("output", kind, *place),
            probability=read.number(":softmax", kind, *place),
            depth=depth,
            shut=shut,
            stages=stages,
            told=told,
            before=None if before is None else _best(before),
            thresholds=list(THRESHOLDS),
            seconds=time.perf_counter() - begun,
            arrays=[_entry(ref, value) for ref, value in rows],
        )
        return m.encode(answer, [value for _, value in rows])

    def _truth(
        self, request: k.OpenMask, picture: Picture, guess: Tensor, read_input: ReadInput
    ) -> tuple[np.ndarray | None, Literal["known", "own", ""]]:
        """What each pixel truly is, where somebody says so."""
        classes, side = guess.shape[0], guess.shape[-1]
        if request.mask is None:
            known = known_mask(picture.id)
            fits = known is not None and known.shape == guess.shape[1:] and int(known.max()) < classes
            return (known, "known") if fits else (None, "")
        kind, _, id = request.mask.partition(":")
        if kind != "upload" or not id:
            return read_runs(request.mask, side, classes), "own"
        image = Image.open(io.BytesIO(read_input(id)))
        if image.size != picture.pixels.size:
            raise GlassworkError(
                "the mask is of another size than the picture",
                where="the mask",
                why="it is {} × {} pixels, the picture {} × {}".format(*image.size, *picture.pixels.size),
                todo="Give the mask that belongs to this picture, of the same width and height.",
            )
        square = min(image.size)
        left, top = (image.width - square) // 2, (image.height - square) // 2
        cut = image.convert("L").crop((left, top, left + square, top + square))
        grey = np.asarray(cut.resize((side, side), Image.Resampling.NEAREST))
        odd = grey[(grey >= classes) & (grey < WHITE)]
        if len(odd):
            raise GlassworkError(
                f"the mask has the grey value {int(odd[0])}, which names no class",
                where="the mask",
                why=f"values from 0 to {classes - 1} are classes, from {WHITE} on the followed one",
                todo="Save it with these values, without compression that changes them.",
            )
        return np.where(grey >= WHITE, _kind(request.kind, None, guess), grey).astype(np.uint8), "own"

    def _scores(
        self, run: Read, mask: str | None, truth: np.ndarray | None, kind: int, threshold: float | None
    ) -> Scores:
        source = f"mask:{run.id}.{mask}" if mask else f"mask:{run.id}"
        true = None if truth is None else torch.from_numpy(truth.astype(np.int64))
        return Scores(source, run.logits, run.probabilities, true, kind, threshold)

    def _told(self, run: Read, scores: Scores) -> k.ToldBy:
        card = run.network.card
        held_out = None if card is None else card.scores.get("iou")
        name = run.network.target
        return k.ToldBy(
            network=name,
            title=run.network.title,
            source=scores.source,
            trace=f"trace:{run.id}",
            skips=bool(unet_of(run.network).up[0].skips),
            parameters=run.network.parameters,
            scored=None if scores.mask is None else scores.scored(),
            count=scores.count(),
            held_out=None if held_out is None else Number(f"measure:{name}#iou@value", held_out),
        )

    def _stages(self, run: Read, backward: bool) -> tuple[list[k.MapStage], list[np.ndarray], list[np.ndarray]]:
        """Which maps are drawn, and their numbers and slopes."""
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
                    reach=_reach(run, path, value, backward),
                )
            )
            whole = msgspec.structs.replace(axes, row_step=1, column_step=1)
            values.append(sampled(value.tensor.detach(), whole, channels).float().numpy())
            if backward:
                grad = torch.zeros_like(value.tensor) if value.grad is None else value.grad
                slopes.append(sampled(grad, whole, channels).float().numpy())
        return stages, values, slopes

    # -- the mask growing ----------------------------------------------------------------------------------------------

    def _grow(self, request: k.GrowMask, cancelled: threading.Event) -> str | bytes:
        kind, _, rest = request.source.partition(":")
        id, _, mask = rest.partition(".")
        base = self._traces.base(id) if kind == "mask" else ""
        network = self._networks.load(self._traces.target(base))
        module = unet_of(network)
        depth = len(module.down)
        truth = recorded_mask(mask, self._records) if mask else None
        if not 0 <= request.kind < module.output.out_channels or not module.up[0].skips:
            raise GlassworkError("there is nothing that grows", where=network.title, why="it has no skip connections")
        steps, values = [], []
        for open in range(depth + 1):
            edits = [_shut(depth, level) for level in range(depth - open)]
            found = self._traces.change(base, edits, cancelled) if edits else (base, self._traces.get(base))
            run = Read(*found, network)
            scores = self._scores(run, mask or None, truth, request.kind, None)
            iou = None if truth is None else scores.iou(request.kind, None)
            reach = _reach(run, ":softmax", run.trace.value(":softmax"), False)
            steps.append(k.GrownStep(open, f"trace:{run.id}", reach, scores.count(), iou))
            values.append(run.probabilities[request.kind].float().numpy())
        grown = np.stack(values)
        entry = _entry(f"{request.source}#grown@value", grown)
        return m.encode(
            k.MaskGrown(request=request.request, source=request.source, steps=steps, arrays=[entry]), [grown]
        )


def unet_of(network: Network) -> Any:
    """The module of a U-Net.

    Raises:
        GlassworkError: it is none.
    """
    if not isinstance(network.module, UNet) or network.after is not softmax_of_maps or network.preprocess is None:
        raise GlassworkError(
            f"{network.title} can't be shown on this page",
            where=network.target,
            why="it is no U-Net that reads pictures into classes with names",
            todo="Open it as a graph.",
        )
    return network.module


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
            yield _across(depth, level), "up", "across", level
        yield f"up.{step}.convolve.relu1", "up", "first", level
        yield f"up.{step}.convolve.relu2", "up", "second", level
    yield "output", "out", "logits", 0
    yield ":softmax", "out", "probabilities", 0


def _across(depth: int, level: int) -> str:
    """The operation that cuts what a skip connection brings to the size of what grew."""
    return f"up.{depth - 1 - level}:getitem"


def _shut(depth: int, level: int) -> m.Edit:
    """A skip connection that gives nothing: all maps of the first example are 0."""
    return m.Edit(at=_across(depth, level), index=[0, 0, 0, 0], axis=0, action="off")


def _kind(wanted: int | None, truth: np.ndarray | None, guess: Tensor) -> int:
    """The class that is followed."""
    classes = len(guess)
    if wanted is not None:
        if not 0 <= wanted < classes:
            raise GlassworkError(f"there is no class {wanted}", where="the mask", why=f"there are {classes}, from 0 on")
        return wanted
    counts = np.bincount((guess.argmax(0).numpy() if truth is None else truth).flatten(), minlength=classes)
    return int(counts[1:].argmax()) + 1 if classes > 1 and counts[1:].any() else min(1, classes - 1)


def _place(wanted: list[int] | None, logits: Tensor) -> tuple[int, int]:
    """The pixel whose logit is followed."""
    rows, columns = logits.shape
    if wanted is None:
        return divmod(int(logits.argmax()), columns)
    if len(wanted) != 2 or not (0 <= wanted[0] < rows and 0 <= wanted[1] < columns):
        raise GlassworkError(f"there is no pixel {wanted}", where="the mask", why=f"it has {rows} × {columns}")
    return wanted[0], wanted[1]


def _reach(run: Read, path: str, value: Value, backward: bool) -> Number:
    """The number of largest size of a tensor, or of its slopes."""
    tensor = value.tensor.detach() if not backward else value.grad
    tensor = torch.zeros_like(value.tensor) if tensor is None else tensor
    at = [int(one) for one in torch.unravel_index(tensor.abs().nan_to_num(0, 0, 0).argmax(), tensor.shape)]
    what = "grad" if backward else "value"
    return Number(f"trace:{run.id}#{path}[{','.join(map(str, at))}]@{what}", tensor[tuple(at)].item())


def _best(scores: Scores) -> Number:
    """The followed class's IoU; where there is no truth, how many pixels are told to be of it."""
    found = None if scores.mask is None else scores.iou(scores.kind, scores.threshold)
    return scores.count() if found is None else found


def _pixels(x: Tensor) -> np.ndarray:
    """What the network sees, for people: uint8, (H, W, 3)."""
    picture = (x[0].detach().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    return np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture


def _entry(ref: str, value: np.ndarray) -> Array:
    return Array(ref=ref, shape=list(value.shape), dtype="uint8" if value.dtype == np.uint8 else "float32")
