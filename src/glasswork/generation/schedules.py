"""How much noise there is at each time of a diffusion, and at which times one looks when it is run backwards.

x_t = alpha_t x_0 + sigma_t epsilon, alpha_t^2 + sigma_t^2 = 1: J. Ho, A. Jain, P. Abbeel, "Denoising Diffusion
Probabilistic Models", 2020, https://arxiv.org/abs/2006.11239, equation 4 (their alpha-bar is alpha_t^2 here). Cosine:
A. Nichol, P. Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021, https://arxiv.org/abs/2102.09672,
equation 17. Spacing of times: S. Lin et al., https://arxiv.org/abs/2305.08891, table 2. Settings are those of
diffusers' schedulers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from glasswork.errors import GlassworkError, unknown

KINDS = ("linear", "scaled_linear", "squaredcos_cap_v2")
PREDICTIONS = ("epsilon", "v_prediction")
SPACINGS = ("leading", "trailing", "linspace")


@dataclass(frozen=True)
class Moment:
    """A time, with its share of picture and of noise.

    Attributes:
        timestep: what the network is told; may lie between two times it was trained on.
        alpha, sigma: x_t = alpha x_0 + sigma epsilon.
    """

    timestep: float
    alpha: float
    sigma: float


@dataclass(frozen=True)
class Schedule:
    """The noise of each time, what the network says, and where a run looks.

    Attributes:
        times: how many there are in training.
        kind: one of KINDS.
        start, end: the variance added at the first and the last time; the cosine schedule has no use for them.
        prediction: whether the network tells the noise (epsilon), or v = alpha epsilon - sigma x_0.
        spacing: one of SPACINGS.
        offset: added to all times of a leading spacing.
        to_one: whether the last step of DDIM ends at no noise at all, or at that of time 0.
    """

    times: int = 1000
    kind: str = "scaled_linear"
    start: float = 0.00085
    end: float = 0.012
    prediction: str = "epsilon"
    spacing: str = "leading"
    offset: int = 1
    to_one: bool = False

    def __post_init__(self) -> None:
        for what, value, known in (
            ("schedule", self.kind, KINDS),
            ("prediction", self.prediction, PREDICTIONS),
            ("spacing of times", self.spacing, SPACINGS),
        ):
            if value not in known:
                raise unknown(what, value, list(known))

    @cached_property
    def kept(self) -> Tensor:
        """alpha_t^2 of every time, the product of all 1 - beta up to it, (times,)."""
        if self.kind == "linear":
            betas = torch.linspace(self.start, self.end, self.times, dtype=torch.float32)
        elif self.kind == "scaled_linear":
            betas = torch.linspace(self.start**0.5, self.end**0.5, self.times, dtype=torch.float32) ** 2
        else:
            bar = [math.cos((i / self.times + 0.008) / 1.008 * math.pi / 2) ** 2 for i in range(self.times + 1)]
            betas = torch.tensor([min(1 - bar[i + 1] / bar[i], 0.999) for i in range(self.times)], dtype=torch.float32)
        return torch.cumprod(1 - betas, dim=0)

    def moment(self, timestep: float) -> Moment:
        """The shares at a time; between two of them sigma / alpha is interpolated."""
        kept = self.kept.double().numpy()
        ratio = float(np.interp(timestep, np.arange(self.times), np.sqrt((1 - kept) / kept)))
        return Moment(float(timestep), 1 / math.sqrt(1 + ratio**2), ratio / math.sqrt(1 + ratio**2))

    def timesteps(self, steps: int, fractional: bool = False) -> list[float]:
        """The times that a run of so many steps looks at, the noisiest first.

        Args:
            steps: how many.
            fractional: whether times may lie between those of training.

        Raises:
            GlassworkError: fewer than 1, or more than there are times.
        """
        if not 1 <= steps <= self.times:
            why = f"a run takes from 1 to {self.times:,} steps"
            raise GlassworkError(f"{steps:,} steps can't be taken", why=why, todo="20 to 50 are usual.")
        if self.spacing == "linspace":
            found = np.linspace(0, self.times - 1, steps)[::-1]
            found = found if fractional else found.round()
        elif self.spacing == "leading":
            found = np.arange(steps)[::-1] * (self.times // steps) + self.offset
        else:
            found = np.arange(self.times, 0, -self.times / steps).round() - 1
        return [min(float(time), self.times - 1.0) for time in found[:steps]]

    def moments(self, steps: int, fractional: bool = False, ends_clean: bool = True) -> list[Moment]:
        """The moments that a run passes: one for each step, and the one where it ends.

        Args:
            steps: see timesteps.
            fractional: see timesteps.
            ends_clean: whether it ends at no noise; else at the noise of time 0.
        """
        last = Moment(0.0, 1.0, 0.0) if ends_clean else self.moment(0)
        return [*(self.moment(time) for time in self.timesteps(steps, fractional)), last]

    def noised(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """x_t of pictures (B, ...), noise (B, ...) and whole times (B,): what training shows to the network."""
        alpha, sigma = self.shares(timesteps, clean)
        return alpha * clean + sigma * noise

    def target(self, clean: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should say of x_t; arguments as in noised."""
        if self.prediction == "epsilon":
            return noise
        alpha, sigma = self.shares(timesteps, clean)
        return alpha * noise - sigma * clean

    def shares(self, timesteps: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """alpha and sigma of whole times (B,), shaped to be multiplied with `like`, (B, 1, ...)."""
        kept = self.kept.to(like.device)[timesteps.long()].view(-1, *(1,) * (like.ndim - 1))
        return kept.sqrt().to(like.dtype), (1 - kept).sqrt().to(like.dtype)

    def read(self, output: Tensor, latent: Tensor, at: Moment) -> tuple[Tensor, Tensor]:
        """What a network's output says of x_t: the picture without its noise, and the noise.

        For v: T. Salimans, J. Ho, "Progressive Distillation", 2022, https://arxiv.org/abs/2202.00512, appendix D.
        """
        if self.prediction == "epsilon":
            return (latent - at.sigma * output) / at.alpha, output
        return at.alpha * latent - at.sigma * output, at.alpha * output + at.sigma * latent
