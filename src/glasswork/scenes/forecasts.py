"""The held-out end of a series: what a network told of it, and what can be told without one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glasswork import measuring
from glasswork.data.series import Series, load_series, series_names
from glasswork.errors import GlassworkError
from glasswork.scenes import messages as m
from glasswork.scenes.messages import uses as q
from glasswork.scenes.messages.base import Array, Number
from glasswork.training.forecasting import tell
from glasswork.zoo import Network

# M steps at the end of a series


def told_by(network: Network, series: Series, lasts: np.ndarray) -> np.ndarray:
    """What a network says after each step of `lasts`, in the series' unit, (N, K)."""
    assert network.forecast is not None
    return tell(network.module, network.forecast, series, lasts)


def forecasts(request: q.OpenForecast, load: Callable[[str], Network]) -> str | bytes:
    """The answer to the page.

    Raises:
        GlassworkError: the network tells no series' future, or not so far ahead.
    """
    network = load(request.network)
    forecast, card = network.forecast, network.card
    if forecast is None or card is None or card.data not in series_names():
        raise GlassworkError(f"{network.title} tells no series’ future", where=network.target)
    horizon = forecast.horizons[0] if request.horizon is None else request.horizon
    if horizon not in forecast.horizons:
        why = f"it tells {', '.join(map(str, forecast.horizons))} steps ahead"
        raise GlassworkError(f"it does not tell {horizon} steps ahead", where=network.title, why=why)
    series = load_series(card.data)
    held, order = int(str(card.settings["held_out"])), int(str(card.settings["order"]))
    begin = len(series) - held
    targets = np.arange(begin, len(series))
    names = ["network", "last", "seasonal", "ar", *(["ar_root"] if forecast.root else [])]
    place = forecast.horizons.index(horizon)
    tellers, arrays, values = list[q.Teller](), list[Array](), list[np.ndarray]()
    truth = np.where(series.measured, series.values, np.nan)[begin:]
    arrays.append(Array(ref=f"series:{series.name}#value@value", shape=[held], dtype="float64"))
    values.append(truth)
    for name in names:
        told = (
            told_by(network, series, targets - horizon)[:, place]
            if name == "network"
            else without(name, series, targets, begin, order, horizon)
        )
        mae = float(np.nanmean(np.abs(told - truth)))
        source = f"forecast:{network.name}#{horizon}/{name}"
        tellers.append(q.Teller(name=name, mae=Number(f"{source}/mae@value", mae)))
        arrays.append(Array(ref=f"{source}@value", shape=[held], dtype="float64"))
        values.append(told)
    answer = q.Forecasts(
        request=request.request,
        network=network.name,
        title=network.title,
        data=card.data,
        unit=series.unit,
        step=series.step,
        horizon=horizon,
        horizons=list(forecast.horizons),
        begin=begin,
        times=list(series.times[begin:]),
        order=order,
        season=series.season,
        tellers=tellers,
        arrays=arrays,
    )
    return m.encode(answer, values)


def without(name: str, series: Series, targets: np.ndarray, begin: int, order: int, horizon: int) -> np.ndarray:
    """What a teller without a network says of each target, (M,); see measuring.baseline_scores."""
    values, last = series.values, targets - horizon
    if name == "last":
        return values[last]
    if name == "seasonal":
        return values[targets - series.season * -(-horizon // series.season)]
    read = np.sqrt(values) if name == "ar_root" else values
    weights = measuring.autoregression(read, begin, order, horizon)
    told = measuring.lagged(read, last, order) @ weights
    return np.maximum(told, 0) ** 2 if name == "ar_root" else told
