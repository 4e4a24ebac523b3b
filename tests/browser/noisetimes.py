"""How much noise there is at each time of a diffusion, and at which times a run looks; written down from the papers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from claims import NoNumberError


class Noise:
    """How much of it there is at each time."""

    def __init__(self, told: Any) -> None:
        self.told = told
        times = told.times
        if told.kind == "squaredcos_cap_v2":  # Nichol & Dhariwal 2021, equation 17
            bar = [math.cos((i / times + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(times + 1)]
            betas = [min(1 - bar[i + 1] / bar[i], 0.999) for i in range(times)]
        elif told.kind == "scaled_linear":
            betas = [b**2 for b in np.linspace(told.start**0.5, told.end**0.5, times)]
        else:
            betas = list(np.linspace(told.start, told.end, times))
        self.kept = np.cumprod(1 - np.array(betas))

    def at(self, time: float) -> tuple[float, float]:
        ratio = np.interp(time, np.arange(len(self.kept)), np.sqrt((1 - self.kept) / self.kept))
        return 1 / math.sqrt(1 + ratio**2), ratio / math.sqrt(1 + ratio**2)

    def moments(self, steps: int, sampler: str) -> list[tuple[float, float, float]]:
        """Time, alpha and sigma of each step, and of the end."""
        times, told = len(self.kept), self.told
        if told.spacing == "trailing":
            chosen = [round(times - i * times / steps) - 1 for i in range(steps)]
        elif told.spacing == "leading":
            chosen = [(steps - 1 - i) * (times // steps) + told.offset for i in range(steps)]
        else:
            raise NoNumberError("nothing is written down here about such times")
        found = [(float(min(t, times - 1)), *self.at(min(t, times - 1))) for t in chosen]
        clean = told.to_one or sampler != "ddim"
        return [*found, (0.0, 1.0, 0.0) if clean else (0.0, *self.at(0))]
