"""What the uses of recurrent networks show, computed again: told futures with torch.nn's layers, and who speaks."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from claims import NoNumberError, Number
from torch import nn

from glasswork import zoo
from glasswork.data.series import load_series
from glasswork.data.utterances import load_utterances

STRETCHED = 16
KINDS: dict[str, Any] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@cache
def layer(name: str) -> tuple[Any, Any]:
    """torch's own layer with a shipped network's weights, and that network."""
    network = zoo.load(name)
    assert network.card is not None
    sizes = network.card.sizes
    made = KINDS[network.card.network](
        int(sizes["inputs"]), int(sizes["hidden"]), batch_first=True, bidirectional=bool(sizes["bidirectional"])
    )
    module: Any = network.module
    made.load_state_dict(module.core.state_dict())
    return made, network


def told(name: str, place: int, horizon: int) -> float:
    """What the network says of a step, read up to `horizon` steps before it."""
    part, network = layer(name)
    how, series = network.forecast, load_series(network.card.data)
    end = place - horizon
    lags = list(how.lags)
    reach = max(how.window + max(lags, default=0), how.season)
    known = series.values[end - reach : end + 1]
    last = known[-1]
    if how.root:
        known = np.sqrt(known)
    above, middle = 0.0, (how.season - 1) / 2
    if how.growth:
        above = known[-how.season :].mean() - how.floor
        steps = np.arange(-reach, 1)
        known = known - above * (np.exp(how.growth * (steps + middle)) - math.exp(how.growth * middle))
    rows = []
    for t in range(reach - how.window + 1, reach + 1):
        row = [(known[t] - (known[-1] if how.relative else how.mean)) / how.std]
        if how.relative:
            row += [(known[t] - known[t - 1]) / how.std, *((known[t - lag] - known[-1]) / how.std for lag in lags)]
        for k in range(1, how.harmonics + 1):
            turn = 2 * math.pi * k * series.phase[end - reach + t]
            row += [math.sin(turn), math.cos(turn)]
        rows.append(row)
    x = torch.tensor(rows).float()[None]
    with torch.no_grad():
        out = network.module.output(part(x)[0][0, -1])
        if network.module.steps:
            out = out + network.module.highway(x[0, -network.module.steps :].T.reshape(-1))
    which = how.horizons.index(horizon)
    said = out[which].item() * how.scales[which]
    said += above * (math.exp(how.growth * (horizon + middle)) - math.exp(how.growth * middle))
    if how.root:
        return max(said + how.mean, 0) ** 2
    return said + (last if how.relative else how.mean)


@cache
def regression(name: str, horizon: int, root: bool) -> tuple[np.ndarray, int]:
    """The weights of the linear autoregression, by the normal equations' pseudo-inverse; and its order."""
    card = zoo.load(name).card
    assert card is not None
    series = load_series(card.data)
    y = np.sqrt(series.values) if root else series.values
    order, begin = int(str(card.settings["order"])), len(y) - int(str(card.settings["held_out"]))
    rows = [[1.0, *(y[t - horizon - k] for k in range(order))] for t in range(order + horizon - 1, begin)]
    return np.linalg.pinv(np.array(rows)) @ y[order + horizon - 1 : begin], order


def teller(name: str, who: str, horizon: int, place: int) -> float:
    """What one teller says of a step."""
    if who == "network":
        return told(name, place, horizon)
    card = zoo.load(name).card
    assert card is not None
    series = load_series(card.data)
    y = series.values
    if who == "last":
        return y[place - horizon]
    if who == "seasonal":
        return y[place - series.season * math.ceil(horizon / series.season)]
    weights, order = regression(name, horizon, who == "ar_root")
    read = np.sqrt(y) if who == "ar_root" else y
    said = float(weights @ [1.0, *(read[place - horizon - k] for k in range(order))])
    return max(said, 0.0) ** 2 if who == "ar_root" else said


@cache
def mean_error(name: str, who: str, horizon: int) -> float:
    """Over the measured steps of the held-out end."""
    card = zoo.load(name).card
    assert card is not None
    series = load_series(card.data)
    begin = len(series) - int(str(card.settings["held_out"]))
    places = [place for place in range(begin, len(series)) if series.measured[place]]
    return float(np.mean([abs(teller(name, who, horizon, place) - series.values[place]) for place in places]))


@cache
def heard(name: str, index: int) -> tuple[np.ndarray, np.ndarray]:
    """An utterance as the network reads it, (T, C), and the shares if it ended at each step, (T, K)."""
    part, network = layer(name)
    how = network.utterance
    steps = load_utterances(network.card.data, "test").steps[index].astype(np.float64)
    x = (steps - np.array(how.mean)) / np.array(how.std)
    given = torch.tensor(x).float()[None]
    with torch.no_grad():
        rows = [network.module.output(part(given[:, : t + 1])[0][0].mean(0)) for t in range(len(x))]
    return given[0].numpy(), torch.stack(rows).double().softmax(1).numpy()


@cache
def looked_up(data: str) -> float:
    """How often the nearest utterance of the training part is right: stretched and measured by torch."""
    known, asked = load_utterances(data, "train"), load_utterances(data, "test")

    def flat(part: Any) -> torch.Tensor:
        channels = [torch.tensor(steps, dtype=torch.float64).T[None] for steps in part.steps]  # (1, C, T)
        return torch.cat(
            [F.interpolate(one, STRETCHED, mode="linear", align_corners=True).flatten(1) for one in channels]
        )

    nearest = torch.cdist(flat(asked), flat(known), compute_mode="donot_use_mm_for_euclid_dist").argmin(1)
    return float((known.labels[nearest.numpy()] == asked.labels).mean())


def used(kind: str, name: str, path: str, index: tuple[int, ...]) -> Number:
    """`series:S#value[i]`; `forecast:N#HORIZON/TELLER[i]` or `/mae`; `utterance:N/I#read[t,c]`, `#share[t,k]`
    or `#lookup`."""
    if kind == "series" and path == "value":
        return Number(float(load_series(name).values[index]), 400)
    if kind == "forecast":
        horizon, who, *rest = path.split("/")
        value = mean_error(name, who, int(horizon)) if rest == ["mae"] else teller(name, who, int(horizon), *index)
        return Number(float(value), max(abs(float(value)), 100.0))
    if kind == "utterance" and path == "lookup":
        return Number(looked_up(str(zoo.load(name.partition("/")[0]).card.data)), 1)  # pyright: ignore[reportOptionalMemberAccess]
    if kind == "utterance" and path in ("read", "share"):
        network, _, number = name.partition("/")
        return Number(float(heard(network, int(number))[path == "share"][index]), 1)
    raise NoNumberError(f"nothing is written down here about {kind}:{name}#{path}")
