"""The recurrence h_t = f(W_h h_(t-1) + W_x x_t + b), unrolled over a real sequence, with the numbers of any step."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import torch

from glasswork.data.series import Series, load_series, series_names
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.forecasts import told_by
from glasswork.scenes.messages import unrolled as u
from glasswork.scenes.messages.base import Array, Number
from glasswork.scenes.networks import Networks
from glasswork.scenes.opening import Arrays
from glasswork.scenes.pictures import ReadInput
from glasswork.scenes.sequences import Sequence, read_given, read_text, sequence
from glasswork.scenes.traces import Traces
from glasswork.tracing import Value
from glasswork.zoo import Network

# T steps, H units, I inputs

NAMES = "\nMartha\nMartin\nMarina\nMaria\nMar"
PROSE = "The captain, who had been silent all the morning, now spoke."
LIKELY, LARGEST = 6, 4


class Unrollings:
    """Answers what the page asks of an RNN that reads a sequence.

    Args:
        networks: which may be opened.
        traces: where runs are kept.
        arrays: inputs of the reader's by id.
    """

    def __init__(self, networks: Networks, traces: Traces, arrays: Arrays | None = None) -> None:
        self._networks, self._traces, self._arrays = networks, traces, arrays or {}

    def answer(
        self, request: u.UnrolledRequest, read_input: ReadInput, cancelled: threading.Event
    ) -> Iterator[m.Answer | str | bytes]:
        """The answer to a request.

        Raises:
            GlassworkError: the network has no such layer, or there is nothing to read.
        """
        match request:
            case u.OpenUnrolled():
                yield self._open(request, read_input, cancelled)
            case u.OpenRecurrence():
                yield self._step(request)

    def _open(self, request: u.OpenUnrolled, read_input: ReadInput, cancelled: threading.Event) -> str | bytes:
        network = self._networks.load(request.network)
        series, text, shown, end = _series(network), "", "", None
        vocabulary = network.vocabulary
        if vocabulary is not None:
            lines = vocabulary.kind == "characters" and " " not in vocabulary.letters and "\n" in vocabulary.letters
            text = (NAMES if lines else PROSE) if request.text is None else request.text
            text = text.replace(" ", "\n") if lines else text  # a word stands on a line of its own
            read, shown = read_text(network, "rnn", text, self._traces, request.place, cancelled)
        elif series is not None:
            read, end = self._read_series(network, series, request, cancelled)
        else:
            read = read_given(
                network, "rnn", request.input, self._traces, request.place, read_input, self._arrays, cancelled
            )
        return self._encoded(request, read, series, text, shown, end)

    def _read_series(
        self, network: Network, series: Series, request: u.OpenUnrolled, cancelled: threading.Event
    ) -> tuple[Sequence, int]:
        forecast = network.forecast
        assert forecast is not None
        last = len(series) - 1 - forecast.horizons[0]
        end = last if request.end is None else request.end
        if not forecast.window <= end < len(series):
            why = f"its steps go from {forecast.window} to {len(series) - 1}"
            raise GlassworkError("no window ends there", where=f"{network.title}, step {end}", why=why)
        rows = np.arange(end - forecast.window, end + 1)
        x = forecast.read(series.values[rows][None], series.phase[rows][None])
        id, trace = self._traces.run(network, (x,), None, cancel=cancelled)
        return sequence(f"trace:{id}", trace, network, "rnn", request.place), end

    def _encoded(
        self, request: u.OpenUnrolled, read: Sequence, series: Series | None, text: str, shown: str, end: int | None
    ) -> str | bytes:
        network, part, trace = read.network, read.part, read.trace
        forecast, vocabulary, card = network.forecast, read.vocabulary, network.card
        labels, values, told, came, ends = read.texts, list[Number](), None, None, list[int]()
        if series is not None and forecast is not None and end is not None:
            begin, horizon = end - read.steps + 1, forecast.horizons[0]
            labels = list(series.times[begin : end + 1])
            values = [
                Number(f"series:{series.name}#value[{i}]@value", float(series.values[i])) for i in range(begin, end + 1)
            ]
            told = Number(
                f"forecast:{network.name}#{horizon}/network[{end + horizon}]@value",
                float(told_by(network, series, np.array([end]))[0, 0]),
            )
            if end + horizon < len(series):
                came = Number(f"series:{series.name}#value[{end + horizon}]@value", float(series.values[end + horizon]))
            ends = [forecast.window, len(series) - 1]
        given = _reads(read)
        score = None
        if card is not None and "nats_per_char" in card.scores:
            score = Number(f"measure:{card.recipe}#nats_per_char@value", card.scores["nats_per_char"])
        apart = read.rebuilt
        letters = set(vocabulary.letters) if vocabulary is not None and vocabulary.kind == "characters" else None
        weights = [f"{part.core}.weight_hh{part.suffix}", f"{part.core}.weight_ih{part.suffix}"]
        band = f"{read.source}#{part.path('hidden', 0)}@band"
        arrays = [Array(ref=band, shape=[read.steps, read.hidden], dtype="float32")]
        found = [read.bands["hidden"]]
        if given is not None:
            arrays.append(_array(read, given.path or "input", given.tensor[0]))
            found.append(given.tensor[0].float().numpy())
        for path in weights:
            value = trace.value(path).tensor
            arrays.append(_array(read, path, value))
            found.append(value.detach().float().numpy())
        answer = u.Unrolled(
            request=request.request,
            source=read.source,
            network=request.network,
            title=network.title,
            reads="text" if read.tokens else "series" if series is not None else "numbers",
            activation=part.activation,
            parts=[one.name for one in read.all],
            place=read.place,
            text=shown,
            left_out=len(text) - len(shown),
            unknown="" if letters is None else "".join(sorted(set(shown) - letters)),
            labels=labels,
            values=values,
            end=end,
            ends=ends,
            unit=series.unit if series is not None else "",
            told=told,
            came=came,
            hidden=read.hidden,
            inputs=0 if given is None else given.shape[-1],
            paths=[part.path("hidden", t) for t in range(read.steps)],
            units=read.most_variance,
            guesses=[one for t in range(read.steps) for one in read.likeliest(t, 1)],
            chances=read.came,
            nats=read.nats,
            score=score,
            error=None if apart is None else Number(f"{read.measured}#error@value", apart),
            writes=read.probabilities is not None and not any(one.backwards for one in read.all),
            arrays=arrays,
        )
        return m.encode(answer, found)

    def _step(self, request: u.OpenRecurrence) -> u.Recurrence:
        id = request.source.removeprefix("trace:")
        network = self._networks.load(self._traces.target(id))
        read = sequence(f"trace:{id}", self._traces.get(id), network, "rnn", request.place)
        part, t, unit = read.part, request.step, request.unit
        if not (0 <= t < read.steps and 0 <= unit < read.hidden):
            why = f"it has {read.steps} steps and {read.hidden} units"
            raise GlassworkError("there is no such step or unit", where=request.source, why=why)
        matrix, before = f"{part.core}.weight_hh{part.suffix}", part.state("hidden", t)
        products = read.trace.value(matrix).tensor[unit] * read.trace.value(before).tensor[0]  # (H,)
        largest = [int(j) for j in products.abs().topk(min(LARGEST, len(products))).indices if products[j]]
        return u.Recurrence(
            request=request.request,
            step=t,
            unit=unit,
            from_input=read.number(part.path("from_input", t), *part.index(t, unit)),
            from_hidden=read.number(part.path("from_hidden", t), 0, unit),
            bias=read.number(part.bias, unit) if part.bias else None,
            sum=read.number(part.path("sum", t), 0, unit),
            before=read.number(before, 0, unit),
            value=read.at("hidden", t, unit),
            largest=[u.Share(j, read.number(matrix, unit, j), read.number(before, 0, j)) for j in largest],
            nexts=read.likeliest(t, LIKELY),
        )


def _series(network: Network) -> Series | None:
    """The series whose future it tells, where that is here."""
    card = network.card
    known = network.forecast is not None and card is not None and card.data in series_names()
    return load_series(card.data) if known and card is not None else None


def _reads(read: Sequence) -> Value | None:
    """What the layer was given, (1, T, I); None where that has no address of its own."""
    part, trace = read.part, read.trace
    if part.written:
        number = part.place * (part.steps + 1) + 1
        value = trace[f"{part.core}:matmul" + (f"#{number}" if number > 1 else "")].operands[0]
    elif part.layer == 0:
        value = trace[part.core].operands[0]
    else:
        return None
    shape = value.shape
    return value if value.path and len(shape) == 3 and shape[0] == 1 else None


def _array(read: Sequence, path: str, value: torch.Tensor) -> Array:
    return Array(ref=f"{read.source}#{path}@value", shape=list(value.shape), dtype="float32")
