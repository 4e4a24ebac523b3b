"""Tell what comes: a recurrent network reads a stretch of a series and says its value some steps ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from glasswork import measuring, zoo
from glasswork.data.series import Series, load_series
from glasswork.errors import GlassworkError
from glasswork.training.config import Config
from glasswork.training.task import About, Draw, Task
from glasswork.zoo import Forecast


@dataclass(frozen=True, kw_only=True)
class ForecastConfig(Config):
    """A forecaster's run. The network's inputs and outputs are filled in.

    Attributes:
        window: steps that it reads.
        horizons: how many steps ahead it tells, such as "1,26".
        root, relative, harmonics, floor: see zoo.Forecast.
        lags: the same, such as "26,52".
        growth: the same, but that of a season, such as 0.013 a year.
        noise: the deviation of what is added to what it reads, in training.
        held_out: steps at the series' end that are never trained on.
        order: of the linear autoregression that it is compared with.
        reservation: what else has to be said of its scores.
        validation: steps before those, to choose by.
        choose_by: mae, in the series' own unit, summed over the horizons.
    """

    window: int
    horizons: str = "1"
    root: bool = False
    relative: bool = False
    harmonics: int = 0
    lags: str = ""
    growth: float = 0.0
    floor: float = 0.0
    noise: float = 0.1
    held_out: int = 60
    order: int = 9
    reservation: str = ""

    def task(self) -> Task:
        """The task on the series that is named."""
        return Forecasting(self)


class Forecasting(Task):
    """Learn a series' future by the smooth absolute error, from any window of its training part.

    Raises:
        GlassworkError: there is no such series, or it is too short for the window.
    """

    choices: Mapping[str, bool] = {"mae": False}
    config: ForecastConfig

    def __init__(self, config: ForecastConfig) -> None:
        series = load_series(config.data)
        horizons = tuple(int(part) for part in config.horizons.split(","))
        end = len(series) - config.held_out - config.validation
        lags = tuple(int(part) for part in config.lags.split(",") if part)
        season = series.season if config.growth else 1
        reach = max(config.window + max(lags, default=0), season)
        self.lasts = np.arange(reach, end - max(horizons))  # the last step of each window
        if len(self.lasts) < 2:
            raise GlassworkError(
                "this series is too short", where=config.data, why=f"{max(end, 0)} steps are left to train on"
            )
        self.series = series
        seen = np.sqrt(series.values[:end]) if config.root else series.values[:end]
        steps = [seen[h:] - seen[:-h] for h in horizons]
        if lags:  # what the season before does not tell
            steps = [step[series.season :] - step[: -series.season] for step in steps]
        std = float((np.diff(seen) if config.relative else seen).std())
        held = len(series) - config.held_out
        self.forecast = Forecast(
            horizons=horizons,
            window=config.window,
            root=config.root,
            relative=config.relative,
            harmonics=config.harmonics,
            mean=float(seen.mean()),
            std=std,
            scales=tuple(float(step.std()) if config.relative else std for step in steps),
            sample=tuple(series.values[held - reach - 1 : held].tolist()),
            sample_phase=tuple(series.phase[held - reach - 1 : held].tolist()),
            lags=lags,
            growth=config.growth / series.season,
            floor=config.floor,
            season=season,
        )
        super().__init__(
            replace(
                config,
                sizes={**config.sizes, "inputs": self.forecast.inputs, "outputs": len(horizons)},
                choose_by="mae",
            )
        )
        self.x, self.y = windows(self.forecast, series, self.lasts)

    @property
    def examples(self) -> int:
        """How many windows end in the training part, with all that is to be told."""
        return len(self.lasts)

    def network(self) -> nn.Module:
        """The untrained network."""
        return zoo.build(self.config.network, self.config.sizes)

    def batch(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """Windows (B, T, I), and what is to be told of each, (B, K)."""
        chosen = torch.from_numpy(draw.index[draw.part])
        x = self.x[chosen]
        read = x.shape[2] - 2 * self.config.harmonics  # the calendar is known exactly
        noise = torch.randn((len(draw.index), x.shape[1], read), generator=draw.random)
        x = torch.cat([x[..., :read] + self.config.noise * draw.mine(noise), x[..., read:]], dim=2)
        return x, self.y[chosen]

    def loss(self, network: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        """The smooth absolute error of what is said after the last step; a scalar."""
        inputs, wanted = batch
        return F.smooth_l1_loss(network(inputs)[:, -1], wanted)

    def scores(self, network: nn.Module) -> dict[str, float]:
        """Scores on the steps set aside."""
        end = len(self.series) - self.config.held_out
        if not self.config.validation:
            return {}
        found = score_forecasts(
            network, self.forecast, self.series, end - self.config.validation, end, self.config.order
        )
        return {"mae": sum(value for name, value in found.items() if name in ("mae", *_further(self.forecast)))}

    def final(self, network: nn.Module) -> dict[str, float]:
        """Scores on the end of the series."""
        begin = len(self.series) - self.config.held_out
        return score_forecasts(network, self.forecast, self.series, begin, len(self.series), self.config.order)

    def name(self, index: int) -> str:
        """When the window ends."""
        return f"the window up to {self.series.times[self.lasts[index]]}"

    def about(self) -> About:
        """What the card says."""
        config, series = self.config, self.series
        trained = len(series) - config.held_out - config.validation
        aside = f"checkpoint chosen by the next {config.validation}" if config.validation else "the last weights kept"
        return About(
            examples=len(self.lasts),
            aside=config.validation,
            held_out=int(series.measured[len(series) - config.held_out :].sum()),
            split=f"trained on the first {trained:,} {series.step}s, settings chosen on the last of these by runs that "
            f"did not see them (--set validation=N); {aside}; tested on the last {config.held_out}, each told from "
            f"what was measured before it" + (f"; {config.reservation}" if config.reservation else ""),
            inputs=(self.x[:1],),
            card={
                "sizes": {**config.sizes, "fused": 0},
                "forecast": {f: getattr(self.forecast, f) for f in self.forecast.__struct_fields__},
            },
        )


def _further(forecast: Forecast) -> list[str]:
    return [f"mae_{h}" for h in forecast.horizons[1:]]


def windows(forecast: Forecast, series: Series, lasts: np.ndarray) -> tuple[Tensor, Tensor]:
    """What is read up to each step of `lasts`, (N, T, I), and what is to be told, (N, K), where it is known."""
    rows = lasts[:, None] + np.arange(-forecast.reach, 1)  # (N, R + 1)
    x = forecast.read(series.values[rows], series.phase[rows])
    ahead = (lasts[:, None] + np.array(forecast.horizons)).clip(max=len(series) - 1)  # (N, K)
    return x, forecast.wanted(series.values[rows], series.values[ahead])


def tell(network: nn.Module, forecast: Forecast, series: Series, lasts: np.ndarray) -> np.ndarray:
    """What a network says after each step of `lasts`, in the series' unit, (N, K)."""
    training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            outputs = network(windows(forecast, series, lasts)[0])[:, -1]
    finally:
        network.train(training)
    return forecast.told(series.values[lasts[:, None] + np.arange(-forecast.reach, 1)], outputs)


def score_forecasts(
    network: nn.Module, forecast: Forecast, series: Series, begin: int, end: int, order: int
) -> dict[str, float]:
    """mae at the first horizon, with mae_last, mae_seasonal and mae_ar beside it; at horizon 26 mae_26 and so on.

    Only steps that were measured are told. Where roots are read, mae_ar_root is an autoregression on roots, too.

    Args:
        network: the forecaster.
        forecast: how it reads.
        series: all of it.
        begin, end: which steps are told; the autoregression is fitted to all before.
        order: of that.
    """
    targets = np.arange(begin, end)[series.measured[begin:end]]
    scores: dict[str, float] = {}
    for k, horizon in enumerate(forecast.horizons):
        told = tell(network, forecast, series, targets - horizon)[:, k]
        found = {"mae": float(np.abs(told - series.values[targets]).mean())}
        found |= measuring.baseline_scores(series.values, targets, begin, order, series.season, horizon)
        if forecast.root:
            roots = np.sqrt(series.values)
            weights = measuring.autoregression(roots, begin, order, horizon)
            squared = np.maximum(measuring.lagged(roots, targets - horizon, order) @ weights, 0) ** 2
            found["mae_ar_root"] = float(np.abs(squared - series.values[targets]).mean())
        scores |= {f"{name}_{horizon}" if k else name: value for name, value in found.items()}
    return scores
