"""From numbers over time to a network's input, and back to the unit that they were measured in."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import torch
from torch import Tensor

# N windows, T steps in each, I numbers read at each step, K horizons


class Forecast(msgspec.Struct, frozen=True):
    """How a series is read before its future is told.

    Attributes:
        horizons: how many steps ahead each output tells.
        window: steps that are read.
        root: whether square roots are taken first, so that high and low years weigh alike.
        relative: whether a step is read as its distance to the window's last, and as that to the one before it, and
            what comes out is such a distance, too; else each is (value - mean) / std.
        harmonics: how many sines and cosines of the season are read beside it.
        growth: how much of what lies above `floor` a series gains at each step by itself: an exponential curve through
            the mean of the window's last `season` steps is taken off what is read, and added to what is told. Only
            where `relative`.
        floor: what does not grow; of CO2 the 280 ppm from before industry.
        season: steps over which the mean is taken.
        mean, std: of the training part.
        scales: what each output is multiplied by.
        sample: the steps of a window that it was not trained on, and of the step before it; for `read`.
    """

    horizons: tuple[int, ...]
    window: int
    root: bool = False
    relative: bool = False
    harmonics: int = 0
    mean: float = 0.0
    std: float = 1.0
    scales: tuple[float, ...] = (1.0,)
    sample: tuple[float, ...] = ()
    sample_phase: tuple[float, ...] = ()
    growth: float = 0.0
    floor: float = 0.0
    season: int = 1

    @property
    def inputs(self) -> int:
        """How many numbers are read at each step."""
        return (2 if self.relative else 1) + 2 * self.harmonics

    def read(self, values: np.ndarray, phase: np.ndarray) -> Tensor:
        """Windows of measured values, and the step before each, (N, T + 1), with their phases -> (N, T, I)."""
        values = np.sqrt(np.maximum(values, 0)) if self.root else values
        if self.growth:
            values = values - self.grown(values, np.arange(1 - values.shape[1], 1))
        if self.relative:
            columns = [(values[:, 1:] - values[:, -1:]) / self.std, np.diff(values, axis=1) / self.std]
        else:
            columns = [(values[:, 1:] - self.mean) / self.std]
        for k in range(1, self.harmonics + 1):
            angle = 2 * np.pi * k * phase[:, 1:]
            columns += [np.sin(angle), np.cos(angle)]
        return torch.from_numpy(np.stack(columns, axis=2).astype(np.float32))

    def grown(self, windows: np.ndarray, steps: np.ndarray) -> np.ndarray:
        """What growth alone makes of windows (N, T), `steps` (K,) after their last step, (N, K); 0 at the last."""
        above = windows[:, -self.season :].mean(1, keepdims=True) - self.floor  # as it was in the middle of the season
        middle = (self.season - 1) / 2
        return above * (np.exp(self.growth * (steps + middle)) - np.exp(self.growth * middle))

    def wanted(self, windows: np.ndarray, future: np.ndarray) -> Tensor:
        """What should come out: windows (N, T), and what comes at each horizon, (N, K) -> (N, K)."""
        last = windows[:, -1]
        if self.root:
            last, future = np.sqrt(np.maximum(last, 0)), np.sqrt(np.maximum(future, 0))
        apart = future - last[:, None] if self.relative else future - self.mean
        if self.growth:
            apart = apart - self.grown(windows, np.array(self.horizons))
        return torch.from_numpy((apart / np.array(self.scales)).astype(np.float32))

    def told(self, windows: np.ndarray, outputs: Tensor) -> np.ndarray:
        """What outputs (N, K) say after windows (N, T), in the series' own unit, float64, (N, K)."""
        last = windows[:, -1]
        apart = outputs.detach().double().numpy() * np.array(self.scales)
        if self.growth:
            apart = apart + self.grown(windows, np.array(self.horizons))
        if not self.root:
            return apart + (last[:, None] if self.relative else self.mean)
        roots = apart + (np.sqrt(np.maximum(last, 0))[:, None] if self.relative else self.mean)
        return np.maximum(roots, 0) ** 2

    @property
    def example(self) -> Tensor:
        """The sample as the network reads it, (1, T, I)."""
        return self.read(np.array([self.sample]), np.array([self.sample_phase]))


class Utterance(msgspec.Struct, frozen=True):
    """How a sequence of many numbers a step is read: each channel standardised by the training part.

    Attributes:
        mean, std: of each channel, (I,).
        sample: steps that it was not trained on, (T, I).
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    sample: tuple[tuple[float, ...], ...] = ()

    def read(self, steps: np.ndarray | Sequence[Sequence[float]]) -> Tensor:
        """Steps (T, I) -> (1, T, I)."""
        scaled = (np.asarray(steps, np.float64) - np.array(self.mean)) / np.array(self.std)
        return torch.from_numpy(scaled.astype(np.float32))[None]
