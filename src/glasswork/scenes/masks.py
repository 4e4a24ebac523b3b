"""A picture as a U-Net reads it: maps at every level, what its skip connections carry, and the mask against a truth."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.mask_followed import followed_class, followed_pixel
from glasswork.scenes.mask_scores import THRESHOLDS, Scores, record_mask, recorded_mask
from glasswork.scenes.mask_truth import find_truth
from glasswork.scenes.messages import masks as k
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.pictures import ReadInput, first_input, prepare, read_picture
from glasswork.scenes.records import Records
from glasswork.scenes.traces import Traces
from glasswork.scenes.unet_runs import UnetRun, largest, shut_skip, unet_of
from glasswork.scenes.unet_stages import draw_stages


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
        truth, whose = find_truth(request, picture, guess, read_input)
        kind = followed_class(request.kind, truth, guess)
        place = followed_pixel(request.place, guess[kind])
        loss = (0, kind, *place)
        id, trace = self._traces.run(network, inputs, loss, cancel=cancelled)
        plain = read = UnetRun(id, trace, network)
        if shut:
            id, trace = self._traces.change(id, [shut_skip(depth, level) for level in shut], cancelled)
            read = UnetRun(id, trace, network)
        mask = None if truth is None else record_mask(truth, self._records)
        others = [self._networks.load(name) for name in self._networks.twins(network)]
        runs = [read]
        for other in others:
            runs.append(
                UnetRun(*self._traces.run(other, prepare(other, picture).inputs, None, cancel=cancelled), other)
            )
        scores = [self._scores(one, mask, truth, kind, request.threshold) for one in runs]
        stages, values, slopes = draw_stages(read, request.backward)
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

    def _scores(
        self, run: UnetRun, mask: str | None, truth: np.ndarray | None, kind: int, threshold: float | None
    ) -> Scores:
        source = f"mask:{run.id}.{mask}" if mask else f"mask:{run.id}"
        true = None if truth is None else torch.from_numpy(truth.astype(np.int64))
        return Scores(source, run.logits, run.probabilities, true, kind, threshold)

    def _told(self, run: UnetRun, scores: Scores) -> k.ToldBy:
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
            edits = [shut_skip(depth, level) for level in range(depth - open)]
            found = self._traces.change(base, edits, cancelled) if edits else (base, self._traces.get(base))
            run = UnetRun(*found, network)
            scores = self._scores(run, mask or None, truth, request.kind, None)
            iou = None if truth is None else scores.iou(request.kind, None)
            reach = largest(run, ":softmax", run.trace.value(":softmax"), False)
            steps.append(k.GrownStep(open, f"trace:{run.id}", reach, scores.count(), iou))
            values.append(run.probabilities[request.kind].float().numpy())
        grown = np.stack(values)
        entry = _entry(f"{request.source}#grown@value", grown)
        return m.encode(
            k.MaskGrown(request=request.request, source=request.source, steps=steps, arrays=[entry]), [grown]
        )


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
