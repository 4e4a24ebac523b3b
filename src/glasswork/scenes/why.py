"""Why a convolutional network says what it says of a picture: Grad-CAM, integrated gradients, occlusion."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from glasswork.explaining.attributing import Occluded, grad_cam, integrated_gradients, occlusion
from glasswork.explaining.attributing.integrated_gradients import FINE, GAP, Integrated
from glasswork.explaining.attributing.occlusion import GRIDS
from glasswork.scenes import messages as m
from glasswork.scenes.maps import class_scores
from glasswork.scenes.messages import seeing as e
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.messages.vision import ClassShare
from glasswork.scenes.pictures import Picture, ReadInput, first_input, prepare, read_picture
from glasswork.scenes.scores import chosen_score
from glasswork.scenes.seen_layers import layer_at, layers
from glasswork.scenes.traces import Traces
from glasswork.tracing import Trace
from glasswork.zoo import Network, Preprocessing

LISTED = 8
"""Classes, and channels of a sum, which are listed."""
TERMS = 4
LEVELS: dict[e.Baseline, float] = {"black": 0.0, "grey": 0.5, "white": 1.0}


@dataclass(frozen=True)
class Asked:
    """A network's run on a picture, from one of its scores."""

    request: int
    id: str
    trace: Trace
    network: Network
    picture: Picture
    followed: int
    baseline: e.Baseline

    @property
    def source(self) -> str:
        """Its address."""
        return f"why:{self.id}"

    @property
    def x(self) -> Tensor:
        """(1, C, H, W)."""
        return self.trace.value("input").tensor.detach()

    def number(self, path: str, place: tuple[int, ...], value: float) -> Number:
        """A number with its address."""
        return Number(f"{self.source}#{path}[{','.join(map(str, place))}]@value", value)

    def array(self, path: str, values: Tensor) -> tuple[Array, np.ndarray]:
        """What is drawn, with its address."""
        drawn = values.float().numpy()
        return Array(ref=f"{self.source}#{path}@value", shape=list(drawn.shape), dtype="float32"), drawn


def why(
    request: e.OpenWhy, load: Callable[[str], Network], traces: Traces, read_input: ReadInput, cancel: threading.Event
) -> Iterator[str | bytes]:
    """What is said, then why: at once by Grad-CAM, coarse first by what takes longer.

    Raises:
        GlassworkError: the network is no classifier of pictures, or there is no such picture, class or layer.
    """
    begun = time.perf_counter()
    network = load(request.network)
    picture = read_picture(request.input or first_input(network), read_input)
    prepared = prepare(network, picture)
    followed = chosen_score(network, prepared.inputs, request.score)
    id, trace = traces.run(network, prepared.inputs, (0, followed), cancel=cancel)
    baseline = request.baseline or usual_baseline(network.preprocess)
    asked = Asked(request.request, id, trace, network, picture, followed, baseline)
    choices = layers(trace)
    layer = layer_at(trace, request.layer, choices)
    yield _told(asked, choices, prepared.picture, time.perf_counter() - begun)
    yield _cam(asked, layer)
    if not request.all:
        return
    nothing = picture_of_nothing(network.preprocess, baseline, asked.x)
    yield from _both(asked, nothing, cancel)


def _both(asked: Asked, nothing: Tensor, cancel: threading.Event) -> Iterator[str | bytes]:
    """Integrated gradients and occlusion by turns, so that both are seen soon and then get finer."""
    module, x, score = asked.network.module, asked.x, asked.followed
    integrals = integrated_gradients(module, x, score, nothing, stop=cancel.is_set)
    squares = occlusion(module, x, score, nothing, stop=cancel.is_set)
    steps = 0
    while not cancel.is_set():
        steps += 1
        given = next(integrals, None)
        if given is not None:
            yield _integrated(asked, given, nothing)
        covered = next(squares, None)
        if covered is not None:
            yield _occluded(asked, covered, last=steps == len(GRIDS))
        if given is None and covered is None:
            return


def usual_baseline(preprocess: Preprocessing | None) -> e.Baseline:
    """What stands for nothing: black where networks were trained on light on dark, else grey."""
    return "black" if preprocess is not None and preprocess.light_on_dark else "grey"


def picture_of_nothing(preprocess: Preprocessing | None, baseline: e.Baseline, like: Tensor) -> Tensor:
    """One colour all over, as the network is given it: of the shape of `like`, (1, C, H, W)."""
    level = torch.full_like(like, LEVELS[baseline])
    return level if preprocess is None else prepared(preprocess, level[0])[None]


def prepared(preprocess: Preprocessing, picture: Tensor) -> Tensor:
    """A picture, (C, H, W) from 0 to 1, as the network is given it."""
    if not preprocess.mean:
        return picture
    mean, std = torch.tensor(preprocess.mean), torch.tensor(preprocess.std)
    return (picture - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)


def _told(asked: Asked, choices: list[e.LayerChoice], picture: np.ndarray, seconds: float) -> str | bytes:
    scores = class_scores(asked.trace, asked.network, f"trace:{asked.id}")
    shares = [ClassShare(i, one.label, one.logit, one.probability) for i, one in enumerate(scores)]
    best = sorted(shares, key=lambda one: one.probability.value, reverse=True)[:LISTED]
    if all(one.index != asked.followed for one in best):
        best = [*best[:-1], shares[asked.followed]]
    pixels = np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
    entry = Array(ref=f"{asked.source}#picture@value", shape=list(pixels.shape), dtype="uint8")
    answer = e.WhyRead(
        request=asked.request,
        source=asked.source,
        trace=f"trace:{asked.id}",
        network=asked.network.target,
        title=asked.network.title,
        input=asked.picture.id,
        name=asked.picture.name,
        label=asked.picture.label or "",
        given=asked.picture.given,
        classes=best,
        count=len(shares),
        followed=shares[asked.followed],
        layers=[one for one in choices if one.rows * one.columns > 1],
        baseline=asked.baseline,
        seconds=seconds,
        arrays=[entry],
    )
    return m.encode(answer, [pixels])


def _cam(asked: Asked, layer: e.LayerChoice) -> str | bytes:
    cam = grad_cam(asked.trace, layer.path)
    row, column = (int(at) for at in torch.unravel_index(cam.total.argmax(), cam.total.shape))
    parts = cam.parts[:, row, column]
    order = parts.abs().argsort(descending=True, stable=True)[:TERMS].tolist()
    listed = ".".join(map(str, order))
    entry, heat = asked.array(f"cam/{layer.path}", cam.heat)
    answer = e.CamRead(
        request=asked.request,
        layer=layer,
        place=[row, column],
        value=asked.number(f"cam/{layer.path}", (row, column), cam.heat[row, column].item()),
        total=asked.number(f"camsum/{layer.path}", (row, column), cam.total[row, column].item()),
        terms=[
            e.CamTerm(
                channel=k,
                weight=asked.number(f"camweight/{layer.path}", (k,), cam.weights[k].item()),
                activation=Number(
                    f"trace:{asked.id}#{layer.path}[0,{k},{row},{column}]@value", cam.maps[k, row, column].item()
                ),
                product=asked.number(f"campart/{layer.path}", (k, row, column), parts[k].item()),
            )
            for k in order
        ],
        rest=asked.number(f"camrest/{listed}/{layer.path}", (row, column), (parts.sum() - parts[order].sum()).item()),
        arrays=[entry],
    )
    return m.encode(answer, [heat])


def _integrated(asked: Asked, found: Integrated, nothing: Tensor) -> str | bytes:
    path = f"{asked.baseline}/{found.segments}"
    pixels = found.given.sum(0)  # (H, W)
    row, column = (int(at) for at in torch.unravel_index(pixels.argmax(), pixels.shape))
    colour = int(found.given[:, row, column].argmax())
    place = (colour, row, column)
    entry, drawn = asked.array(f"given/{path}", pixels)
    logit = asked.trace.outputs[0]
    answer = e.IntegratedRead(
        request=asked.request,
        baseline=asked.baseline,
        segments=found.segments,
        last=found.segments >= FINE and found.gap <= GAP,
        score=Number(f"trace:{asked.id}#{logit.path}[0,{asked.followed}]@value", found.score),
        base=asked.number(f"base/{asked.baseline}", (asked.followed,), found.base),
        difference=asked.number(f"difference/{asked.baseline}", (asked.followed,), found.difference),
        total=asked.number(f"givensum/{path}", (asked.followed,), found.total),
        gap=found.gap,
        place=[row, column],
        apart=asked.number(f"apart/{asked.baseline}", place, (asked.x - nothing)[0][place].item()),
        slope=asked.number(f"meanslope/{path}", place, found.slopes[place].item()),
        value=asked.number(f"givenpart/{path}", place, found.given[place].item()),
        arrays=[entry],
    )
    return m.encode(answer, [drawn])


def _occluded(asked: Asked, found: Occluded, last: bool) -> str | bytes:
    squares, lost = found.squares, found.lost
    path = f"{asked.baseline}/{squares.cell}.{squares.margin}"
    row, column = (int(at) for at in torch.unravel_index(lost.argmax(), lost.shape))
    entry, drawn = asked.array(f"lost/{path}", lost)
    logit = asked.trace.outputs[0]
    answer = e.OccludedRead(
        request=asked.request,
        cell=squares.cell,
        square=squares.cell + 2 * squares.margin,
        last=last,
        place=[row, column],
        score=Number(f"trace:{asked.id}#{logit.path}[0,{asked.followed}]@value", found.score),
        covered=asked.number(f"covered/{path}", (row, column), found.scores[row, column].item()),
        lost=asked.number(f"lost/{path}", (row, column), lost[row, column].item()),
        rises=int((lost < 0).sum()),
        arrays=[entry],
    )
    return m.encode(answer, [drawn])
