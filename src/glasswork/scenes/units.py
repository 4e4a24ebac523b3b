"""What a channel of a layer looks for: the pictures that excite it most, and one that is made to."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from glasswork import data
from glasswork.errors import GlassworkError
from glasswork.explaining.attributing import Call, ascend, at_once, call_of, grad_cam, output_of, responses
from glasswork.scenes import messages as m
from glasswork.scenes.messages import seeing as e
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.pictures import PHOTO, PHOTOS, first_input, prepare, read_picture, reads_photos
from glasswork.scenes.scores import chosen_score
from glasswork.scenes.seen_layers import layer_at, layers
from glasswork.scenes.traces import Traces
from glasswork.scenes.why import prepared
from glasswork.tracing import Trace
from glasswork.zoo import Network

BEST = 12
"""Pictures that are shown."""
SIDE = 112
"""Pixels along a side, at most, of a picture that is shown."""
MOST, MOST_LARGE = 1000, 128
"""Pictures that are looked at: small ones, and those beside the photos that a network of photos is shown."""
PAUSE = 0.4
"""Seconds between two answers, while pictures are looked at."""
KEPT = 6
"""Layers whose answers to all pictures are kept."""
LONGEST = 512
"""Steps of an ascent."""
FRAME = 0.12
"""Seconds between two steps of an ascent that are shown."""


@dataclass
class _Seen:
    """What a layer answered to the pictures so far: the largest number of each map, (N, C), and where."""

    values: list[Tensor] = field(default_factory=list[Tensor])
    rows: list[Tensor] = field(default_factory=list[Tensor])
    columns: list[Tensor] = field(default_factory=list[Tensor])
    count: int = 0


class Units:
    """Answers about channels.

    Args:
        load: gives a network.
        traces: where runs are kept.
    """

    def __init__(self, load: Callable[[str], Network], traces: Traces) -> None:
        self._load, self._traces = load, traces
        self._kept: OrderedDict[tuple[str, str], _Seen] = OrderedDict()

    def exciting(self, request: e.FindExciting, cancel: threading.Event) -> Iterator[str | bytes]:
        """The pictures that excite a channel most, of more and more.

        Raises:
            GlassworkError: there is no such layer or channel.
        """
        network = self._load(request.network)
        trace = self._first(network)
        choices = [one for one in layers(trace) if one.called]
        layer = layer_at(trace, request.layer, choices)
        channel = _strongest(trace, layer) if request.channel is None else request.channel
        _check(layer, channel)
        call = call_of(trace, trace[layer.path])
        assert call is not None
        groups = pool(network)
        ids = tuple(groups)
        seen = self._seen(network, layer.path)
        told = time.monotonic()
        while seen.count < len(ids) and not cancel.is_set():
            _look(network, call, ids, seen)
            if time.monotonic() - told > PAUSE and seen.count < len(ids):
                yield self._told(request, network, layer, choices, channel, groups, seen)
                told = time.monotonic()
        yield self._told(request, network, layer, choices, channel, groups, seen)

    def _first(self, network: Network) -> Trace:
        inputs = prepare(network, read_picture(first_input(network), lambda _: b"")).inputs
        return self._traces.run(network, inputs, (0, chosen_score(network, inputs, None)))[1]

    def _seen(self, network: Network, path: str) -> _Seen:
        key = (network.weights_hash, path)
        found = self._kept.setdefault(key, _Seen())
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return found

    def _told(
        self,
        request: e.FindExciting,
        network: Network,
        layer: e.LayerChoice,
        choices: list[e.LayerChoice],
        channel: int,
        groups: dict[str, str],
        seen: _Seen,
    ) -> str | bytes:
        values = torch.cat([part[:, channel] for part in seen.values])
        rows = torch.cat([part[:, channel] for part in seen.rows])
        columns = torch.cat([part[:, channel] for part in seen.columns])
        ids = tuple(groups)
        firsts: dict[str, int] = {}  # of each thing in its forms the one that excites most
        for at in values.argsort(descending=True, stable=True).tolist():
            firsts.setdefault(groups[ids[at]], at)
        best = list(firsts.values())[:BEST]
        found, pixels = [], []
        for at in best:
            picture = read_picture(ids[at], lambda _: b"")
            ready = prepare(network, picture)
            id = self._traces.name(network, ready.inputs)
            row, column = int(rows[at]), int(columns[at])
            place = f"0,{channel},{row},{column}" if layer.rows * layer.columns > 1 else f"0,{channel}"
            found.append(
                e.ExcitingPicture(
                    id=picture.id,
                    name=picture.name,
                    label=picture.label or "",
                    value=Number(f"trace:{id}#{layer.path}[{place}]@value", values[at].item()),
                    place=[(row + 0.5) / layer.rows, (column + 0.5) / layer.columns],
                )
            )
            pixels.append(small(ready.picture))
        shown = np.stack(pixels)
        entry = Array(ref=f"data:{network.target}#exciting@value", shape=list(shown.shape), dtype="uint8")
        answer = e.Exciting(
            request=request.request,
            network=request.network,
            title=network.title,
            layer=layer,
            layers=choices,
            channel=channel,
            classes=list(network.labels),
            seen=seen.count,
            of=len(groups),
            pictures=found,
            silent=int((values <= 0).sum()),
            arrays=[entry],
        )
        return m.encode(answer, [shown])

    def climb(self, request: e.ClimbOn, cancel: threading.Event) -> Iterator[str | bytes]:
        """A picture that is changed until a channel, or a class, answers to it more and more.

        Raises:
            GlassworkError: there is no such layer or channel, or it would take too long.
        """
        network = self._load(request.network)
        preprocess = network.preprocess
        trace = self._first(network)
        choices = layers(trace)
        answers = request.layer == ""
        layer = answer_of(trace, choices) if answers else layer_at(trace, request.layer, choices)
        _check(layer, request.channel)
        if not 1 <= request.steps <= LONGEST:
            raise GlassworkError(f"the steps can't be {request.steps}", where="the ascent", why=f"1 to {LONGEST}")
        call = Call("") if answers else call_of(trace, trace[layer.path])
        if call is None or preprocess is None:
            why = "no module returns it by itself"
            raise GlassworkError("this layer's channels can't be climbed", where=layer.path, why=why)
        shape = (preprocess.channels, preprocess.size, preprocess.size)
        label = network.labels[request.channel] if answers and network.labels else ""
        course: list[float] = []
        first: Tensor | None = None
        told = 0.0
        for one in ascend(
            network.module, shape, call, request.channel, lambda p: prepared(preprocess, p), request.steps, request.seed
        ):
            if cancel.is_set():
                return
            course.append(one.value)
            eight = one.picture.mul(255).round()  # as it is shown, so that its numbers are those of what is seen
            first = eight if first is None else first
            last = one.step == request.steps
            if not last and time.monotonic() - told < FRAME:
                continue
            told = time.monotonic()
            ends = self._ends(network, layer, call, request.channel, (first, eight)) if last else None
            yield _climbed(request, layer, label, one.step, eight, course, ends)

    def _ends(
        self, network: Network, layer: e.LayerChoice, call: Call, channel: int, pictures: tuple[Tensor, Tensor]
    ) -> _Ends:
        """What the channel says of the first picture and of the last."""
        assert network.preprocess is not None
        numbers: list[Number] = []
        id, probable = "", None
        for picture in pictures:
            x = prepared(network.preprocess, picture / 255)[None].contiguous()
            id = self._traces.name(network, (x,))
            with torch.inference_mode():
                made = output_of(network.module, x, call)[0]
            ref = f"why:{id}#mapmean/{layer.path}[{channel}]" if made.dim() > 1 else (
                f"trace:{id}#{layer.path}[0,{channel}]"
            )  # fmt: skip
            numbers.append(Number(f"{ref}@value", made[channel].double().mean().item()))
            if call.path == "" and network.after:
                share = made.double().softmax(0)[channel].item()
                probable = Number(f"trace:{id}#:softmax[0,{channel}]@value", share)
        return _Ends(numbers[0], numbers[1], probable, f"trace:{id}")


@dataclass(frozen=True)
class _Ends:
    first: Number
    value: Number
    probability: Number | None
    input: str


def _climbed(
    request: e.ClimbOn,
    layer: e.LayerChoice,
    label: str,
    step: int,
    picture: Tensor,
    course: list[float],
    ends: _Ends | None,
) -> str | bytes:
    pixels = picture.byte().permute(1, 2, 0).expand(-1, -1, 3).contiguous().numpy()
    values = np.array(course, np.float32)
    answer = e.Climbed(
        request=request.request,
        layer=layer.path,
        channel=request.channel,
        label=label,
        step=step,
        steps=request.steps,
        first=ends.first if ends else None,
        value=ends.value if ends else None,
        probability=ends.probability if ends else None,
        input=ends.input if ends else "",
        arrays=[
            Array(ref="climb:#picture@value", shape=list(pixels.shape), dtype="uint8"),
            Array(ref="climb:#course@value", shape=list(values.shape), dtype="float32"),
        ],
    )
    return m.encode(answer, [pixels, values])


def pool(network: Network) -> dict[str, str]:
    """The pictures that a network's channels are held against, each with what it is a form of: held-out ones of what it
    was trained on; or photos, and emoji beside them.

    Raises:
        GlassworkError: none of what it was trained on ships.
    """
    if reads_photos(network):
        return {**{f"{PHOTO}{name}": f"{PHOTO}{name}" for name in PHOTOS}, **_held_out("emoji", MOST_LARGE)}
    if network.card is not None and network.card.data in data.names():
        return _held_out(network.card.data, MOST)
    raise GlassworkError(
        "there are no pictures to hold this network's channels against",
        where=network.title,
        why="what it was trained on does not ship",
        todo="Look at one of the networks that ship.",
    )


def _held_out(name: str, most: int) -> dict[str, str]:
    held = data.load(name, "test")
    step = max(1, -(-len(held) // most))
    return {f"sample:{held.names[i]}": held.groups[i] for i in range(0, len(held), step)}


def _look(network: Network, call: Call, ids: tuple[str, ...], seen: _Seen) -> None:
    """At a few more pictures."""
    assert network.preprocess is not None
    count = at_once(torch.empty(1, 1, network.preprocess.size, network.preprocess.size, device="meta"))
    some = ids[seen.count : seen.count + count]
    inputs = torch.cat([prepare(network, read_picture(id, lambda _: b"")).inputs[0] for id in some])
    found = responses(network.module, inputs, call)
    seen.values.append(found.values)
    seen.rows.append(found.rows.short())
    seen.columns.append(found.columns.short())
    seen.count += len(some)


def _strongest(trace: Trace, layer: e.LayerChoice) -> int:
    """The channel that speaks most for the answer to the first picture."""
    op = trace[layer.path]
    if layer.rows * layer.columns > 1:
        return int(grad_cam(trace, op).parts.sum((1, 2)).argmax())
    assert op.grad is not None
    return int((op.output.tensor * op.grad)[0].argmax())


def answer_of(trace: Trace, choices: list[e.LayerChoice]) -> e.LayerChoice:
    """The network's own answer as a layer: the logits."""
    logits = trace.outputs[0]
    known = {one.path: one for one in choices}
    path = logits.path or ""
    made = e.LayerChoice(path=path, label=path, channels=logits.shape[1], rows=1, columns=1, called=True)
    return known.get(path, made)


def _check(layer: e.LayerChoice, channel: int) -> None:
    if not 0 <= channel < layer.channels:
        why = f"it has {layer.channels}"
        raise GlassworkError(f"there is no channel {channel}", where=layer.label, why=why, todo="Choose another.")


def small(picture: np.ndarray) -> np.ndarray:
    """A picture of at most SIDE pixels a side, every k-th of its own; uint8, (rows, columns, 3)."""
    step = -(-max(picture.shape[:2]) // SIDE)
    some = picture[::step, ::step]
    return np.ascontiguousarray(np.broadcast_to(some, (*some.shape[:2], 3)))
